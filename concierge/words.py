"""The sentences that the visitor's page needs while it runs, in the visitor's language. talk.js reads them by name."""

from django.utils.translation import gettext as _


def visitor_words() -> dict[str, str]:
    return {
        "state_idle": _("Ready when you are"),
        "state_connecting": _("Connecting…"),
        "state_reconnecting": _("The line dropped. Reconnecting…"),
        "state_listening": _("Listening"),
        "state_reading": _("Write, and we answer"),
        "state_muted": _("You are muted"),
        "state_thinking": _("Looking it up…"),
        "state_speaking": _("Speaking"),
        "state_ended": _("The conversation is over"),
        "state_failed": _("That did not work"),
        "hearing": _("hearing…"),
        "who_visitor": _("You"),
        "who_agent": _("Concierge"),
        "confirmed": _("Confirmed by the staff"),
        "person_typing": _("A person of our staff is answering you."),
        "person_voice": _("A person of our staff is speaking with you."),
        "person_wait": _("One moment, please…"),
        "mute": _("Mute"),
        "unmute": _("Unmute"),
        "characters_left": _("{left} characters left"),
        "typed_cut": _("A question has at most {most} characters. The rest was left out."),
        "hint_quiet": _("We hear nothing from your microphone. It may be switched off in the settings of this device."),
        "hint_unsent": _("Your last question was not sent. Please send it again."),
        "retry_after": _("Try again in {seconds} seconds."),
        "rated": _("Thank you, that is kept."),
        "rated_not": _("That did not reach us. Please try again."),
        # What went wrong
        "problem_mic_refused": _(
            "This page may not use your microphone. Allow it beside the address of the page, or type instead."
        ),
        "problem_mic_missing": _("No microphone was found. Connect one, or type instead."),
        "problem_mic_busy": _("Your microphone is in use by another program. Close that, or type instead."),
        "problem_agent_missing": _("Nobody picked up on our side. Please try once more, or ask the desk."),
        "problem_agent_left": _("Our concierge left without a word. That should not happen. Please try once more."),
        "problem_network": _("The connection was lost and did not come back."),
        "problem_offline": _("This device seems to be offline."),
        "problem_unreachable": _("Our voice line cannot be reached from here. A strict network may block it."),
        "problem_line_busy": _("All our lines are busy."),
        "problem_too_many": _("There were many conversations from your network within a minute."),
        "problem_not_available": _("Our concierge is not available right now."),
        "problem_out_of_minutes": _("Our concierge has talked enough for today. The desk is glad to help."),
        "problem_unknown": _("Something went wrong on our side."),
        # Why it is over
        "ended_you": _("Thank you. You can read it again here until you leave the page."),
        "ended_goodbye": _("Goodbye, and thank you."),
        "ended_closed": _("The line was closed."),
        "ended_silence": _("It was quiet for a while, so we hung up."),
        "ended_longest_call": _("This was as long as one conversation can be. You can start another."),
        "ended_staff": _("Our staff closed this conversation. The desk is glad to help."),
        "ended_error": _("Something broke on our side, so the conversation had to end."),
    }
