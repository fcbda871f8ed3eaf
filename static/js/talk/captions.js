// What has been said so far, in the order in which it began. Pure: the page draws what it is told has changed.

export class Captions {
  #turns = new Map()
  #typed = 0
  language = "" // of the turns that begin from now on, where it is not the page's

  // The visitor's words, whole each time: they replace.
  heard(id, text, isFinal) {
    return this.#write(`v:${id}`, "visitor", { text: text.trim(), fresh: "", isFinal })
  }

  // The agent's words, bit by bit: they follow. The newest bit is only just being spoken.
  said(id, delta) {
    const before = this.#turns.get(`a:${id}`)
    const text = (before?.text ?? "") + (before?.fresh ?? "")
    return this.#write(`a:${id}`, "agent", { text, fresh: delta, isFinal: false })
  }

  silent(id) {
    const turn = this.#turns.get(`a:${id}`)
    return turn && this.#write(turn.id, "agent", { text: turn.text + turn.fresh, fresh: "", isFinal: true })
  }

  typed(text) {
    return this.#write(`t:${++this.#typed}`, "visitor", { text, fresh: "", isFinal: true })
  }

  cite(sources) {
    const turn = [...this.#turns.values()].findLast((turn) => turn.speaker === "agent")
    return turn && this.#write(turn.id, "agent", { sources })
  }

  confirm() {
    const turn = [...this.#turns.values()].findLast((turn) => turn.speaker === "agent")
    return turn && this.#write(turn.id, "agent", { isConfirmed: true })
  }

  get last() {
    return [...this.#turns.values()].at(-1)
  }

  #write(id, speaker, facts) {
    const turn = { sources: [], language: this.language, ...this.#turns.get(id), id, speaker, ...facts }
    this.#turns.set(id, turn)
    return turn
  }
}
