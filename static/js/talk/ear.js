// Times what the visitor hears: from the end of their speech to the first sound of the answer, and from the click to
// the greeting. Pure: it is fed levels (root mean square, 0 to 1) and a clock in milliseconds.

export const VOICE = 0.012 // the visitor speaks
const AUDIBLE = 0.004 // the agent can be heard
const SILENCE_MS = 300 // shorter gaps are pauses within one answer
const A_WORD_MS = 120 // shorter sounds are clicks

export class Ear {
  #clickedAt
  #voiceAt = -Infinity
  #voicedMs = 0
  #audibleAt = -Infinity
  #hasGreeted = false
  #before

  constructor(clickedAt) {
    this.#clickedAt = clickedAt
  }

  // {kind: "greeting" | "ear", ms} at the moment when an answer becomes audible, else undefined.
  hear({ visitor, agent, now }) {
    const step = this.#before === undefined ? 0 : now - this.#before
    this.#before = now
    if (visitor >= VOICE) {
      this.#voiceAt = now
      this.#voicedMs += step
    }
    if (agent < AUDIBLE) return undefined
    const isOnset = now - this.#audibleAt > SILENCE_MS
    // An answer follows speech that ended after the agent had fallen silent.
    const isAnswer = isOnset && this.#voicedMs >= A_WORD_MS && this.#voiceAt > this.#audibleAt
    this.#audibleAt = now
    if (isOnset && !this.#hasGreeted) {
      this.#hasGreeted = true
      this.#voicedMs = 0
      return { kind: "greeting", ms: Math.round(now - this.#clickedAt) }
    }
    if (!isAnswer) return undefined
    this.#voicedMs = 0
    return { kind: "ear", ms: Math.round(now - this.#voiceAt) }
  }
}
