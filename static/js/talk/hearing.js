// Whether to show "hearing…": the visitor is speaking, or just was, and no words have come yet. Pure, like ear.js.
import { VOICE } from "js/talk/ear.js"

const BEGIN_MS = 240 // of voice, so that a cough shows nothing
const PAUSE_MS = 400
const GIVE_UP_MS = 3_000 // after the voice, if it is not being answered

export class Hearing {
  #voicedMs = 0
  #voiceAt = -Infinity
  #before
  isShown = false

  // Feed levels and whether the agent is busy with what it heard.
  listen({ visitor, now }, isThinking) {
    const step = this.#before === undefined ? 0 : now - this.#before
    this.#before = now
    if (visitor >= VOICE) {
      this.#voiceAt = now
      this.#voicedMs += step
      if (this.#voicedMs >= BEGIN_MS) this.isShown = true
    } else if (now - this.#voiceAt > PAUSE_MS) {
      this.#voicedMs = 0
      if (this.isShown && !isThinking && now - this.#voiceAt > GIVE_UP_MS) this.isShown = false
    }
    return this.isShown
  }

  // Words have come, or the agent answers.
  reset() {
    this.#voicedMs = 0
    this.isShown = false
  }
}
