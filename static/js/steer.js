// The verbs of one call's page: a button and a key each. Without this script the form posts and the page reloads.
import { keyOf } from "js/keys.js"
import { Ears } from "js/steer/ears.js"

const form = document.querySelector("[data-steer]")
if (form) steer(form, form.closest("[data-live=call]"))

function steer(form, page) {
  const line = form.querySelector("[data-line]")
  const answer = form.querySelector("[data-answer]")
  const listenButton = form.querySelector('[data-verb="listen"]')
  const level = form.querySelector("[data-level]")
  const plainHint = line.placeholder
  const ears = new Ears({ onLevel: (value) => { if (level) level.value = value }, onGone: showWhere })
  let mode = "note" // what Enter in the line does
  let endArmedUntil = 0

  choose(page.dataset.hold === "mine" ? "say" : "note", { focus: false })

  form.addEventListener("submit", (event) => {
    event.preventDefault()
    press(event.submitter?.dataset.verb ?? mode)
  })
  listenButton?.addEventListener("click", () => press("listen"))
  line.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault()
      act(mode)
    }
    if (event.key === "Escape") {
      choose(page.dataset.hold === "mine" ? "say" : "note", { focus: false })
      line.blur()
    }
  })
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || isWriting(event.target)) return
    const button = [...form.querySelectorAll(`[data-key="${CSS.escape(keyOf(event))}"]`)].find(isShown)
    if (!button || page.dataset.state === "ended") return
    event.preventDefault()
    const verb = button.dataset.verb
    if (verb === "end" && performance.now() > endArmedUntil) {
      endArmedUntil = performance.now() + 4000
      return tell(form.dataset.again)
    }
    press(verb)
  })
  // Somebody else, or the agent itself, may end what was begun here.
  page.addEventListener("concierge:hold", ({ detail }) => {
    const { hold, heldAs, before } = detail
    if (before !== hold) choose(hold === "mine" ? "say" : "note", { focus: false })
    if (ears.isSpeaking && !(hold === "mine" && heldAs === "voice")) ears.leave()
    if (page.dataset.state === "ended") ears.leave()
  })

  /** A verb that wants a line asks for it first. */
  function press(verb) {
    const wantsLine = verb === "note" || verb === "say" || verb === "hand_back"
    const isAsked = verb === "hand_back" && mode === "hand_back"
    if (wantsLine && !line.value.trim() && !isAsked) return choose(verb)
    if (verb === "listen" && ears.isListening) return ears.leave()
    act(verb)
  }

  function choose(verb, { focus = true } = {}) {
    mode = verb
    line.placeholder = line.dataset[verb] ?? plainHint
    if (focus) line.focus()
  }

  async function act(verb) {
    const sent = new FormData(form)
    if (verb !== "note" && verb !== "say" && verb !== "hand_back") sent.delete("line")
    let told
    try {
      const response = await fetch(form.action.replace(/[^/]+$/, verb), {
        method: "POST",
        body: sent,
        headers: { Accept: "application/json" },
      })
      told = await response.json()
      if (!response.ok) return tell(told.message, false)
    } catch {
      return tell(form.dataset.failed, false)
    }
    tell(told.message)
    if (sent.has("line")) line.value = ""
    if (verb === "hand_back") ears.leave()
    if (verb === "type") {
      ears.leave()
      choose("say")
    } else if (verb === "hand_back") {
      choose("note", { focus: false })
      line.blur()
    } else if (verb === "note" || page.dataset.hold !== "mine") {
      line.blur() // the keys are verbs again
    } else if (mode === "hand_back") {
      choose(verb, { focus: false })
    }
    if (told.token) await join(verb, told)
  }

  async function join(verb, { url, token }) {
    try {
      await ears.join(url, token, { speaks: verb === "talk" })
    } catch (error) {
      const isMicrophone = error instanceof DOMException && verb === "talk"
      if (verb === "talk") await act("hand_back")
      return tell(isMicrophone ? form.dataset.noMicrophone : form.dataset.noRoom, false)
    }
    showWhere()
  }

  function showWhere() {
    page.dataset.inRoom = ears.isSpeaking ? "voice" : ears.isListening ? "listening" : ""
    listenButton?.setAttribute("aria-pressed", String(ears.isListening))
    if (level && !ears.isIn) level.value = 0
  }

  function tell(message, isGood = true) {
    answer.textContent = message
    answer.classList.toggle("bad", !isGood)
    answer.hidden = !message
  }
}

function isWriting(target) {
  return target.closest?.("input, textarea, select, [contenteditable]")
}

function isShown(element) {
  return element.offsetParent !== null
}
