// Cuts words that arrive bit by bit into whole sentences, so that a screen reader hears sentences and not syllables.

const END_OF_SENTENCE = /[.!?؟。…]+["'”’»)\]]*\s+/u

export class Sentences {
  #rest = new Map()

  // The sentences that `delta` completes.
  add(id, delta) {
    let rest = (this.#rest.get(id) ?? "") + delta
    const whole = []
    for (let end; (end = END_OF_SENTENCE.exec(rest)); ) {
      whole.push(rest.slice(0, end.index + end[0].length).trim())
      rest = rest.slice(end.index + end[0].length)
    }
    this.#rest.set(id, rest)
    return whole
  }

  // Nothing more will come: what is left is the last sentence.
  finish(id) {
    const rest = (this.#rest.get(id) ?? "").trim()
    this.#rest.delete(id)
    return rest
  }
}
