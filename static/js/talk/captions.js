// What has been said so far, in the order in which it began. Pure: the page draws what it is told has changed.

export class Captions {
  #turns = new Map()
  #typed = 0
  #awaited // what is already known of an answer that was asked for and has not begun
  language = "" // of the turns that begin from now on, where it is not the page's

  // The visitor's words, whole each time: they replace.
  heard(id, text, isFinal) {
    if (isFinal) this.#expectAnswer()
    return this.#write(`v:${id}`, "visitor", { text: text.trim(), fresh: "", isFinal })
  }

  // The agent's words, bit by bit: they follow. The newest bit is only just being spoken.
  said(id, delta) {
    const before = this.#turns.get(`a:${id}`)
    const text = (before?.text ?? "") + (before?.fresh ?? "")
    const known = before ? {} : this.#awaited
    this.#awaited = undefined
    return this.#write(`a:${id}`, "agent", { ...known, text, fresh: delta, isFinal: false })
  }

  silent(id) {
    const turn = this.#turns.get(`a:${id}`)
    return turn && this.#write(turn.id, "agent", { text: turn.text + turn.fresh, fresh: "", isFinal: true })
  }

  typed(text) {
    this.#expectAnswer()
    return this.#write(`t:${++this.#typed}`, "visitor", { text, fresh: "", isFinal: true })
  }

  cite(sources) {
    return this.#note({ sources })
  }

  confirm() {
    return this.#note({ isConfirmed: true })
  }

  get last() {
    return [...this.#turns.values()].at(-1)
  }

  get #lastAnswer() {
    return [...this.#turns.values()].findLast((turn) => turn.speaker === "agent")
  }

  // A word said into an answer asks for no other.
  #expectAnswer() {
    if (this.#lastAnswer?.isFinal ?? true) this.#awaited ??= {}
  }

  // What an answer rests on comes by another road than its words, and may be here before them.
  #note(facts) {
    if (this.#awaited) return void Object.assign(this.#awaited, facts)
    const turn = this.#lastAnswer
    return turn && this.#write(turn.id, "agent", facts)
  }

  #write(id, speaker, facts) {
    const turn = { sources: [], language: this.language, ...this.#turns.get(id), id, speaker, ...facts }
    this.#turns.set(id, turn)
    return turn
  }
}
