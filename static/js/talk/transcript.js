// Draws the conversation. Everything in it is foreign text and goes in as text.

const NEAR_THE_END = 80 // px: whoever has scrolled further up is reading

export class Transcript {
  #list
  #scroller
  #template
  #words
  #items = new Map()
  #ghost
  #earMs

  constructor({ list, scroller, template, words }) {
    this.#list = list
    this.#scroller = scroller
    this.#template = template
    this.#words = words
  }

  clear() {
    this.#items.clear()
    this.#ghost = undefined
    this.#earMs = undefined
    this.#list.replaceChildren()
  }

  get isEmpty() {
    return this.#list.childElementCount === 0
  }

  // The last words stay in sight when something else takes room.
  showEnd() {
    this.#scroller.scrollTop = this.#scroller.scrollHeight
  }

  draw(turn) {
    this.#keepingPlace(() => {
      const item = this.#items.get(turn.id) ?? this.#add(turn)
      const [said, fresh] = item.querySelectorAll(".words > span")
      if (turn.language) said.parentElement.lang = turn.language
      said.textContent = turn.text
      fresh.textContent = turn.fresh
      item.classList.toggle("open", !turn.isFinal)
      said.classList.toggle("interim", turn.speaker === "visitor" && !turn.isFinal)
      item.querySelector(".confirmed").hidden = !turn.isConfirmed
      const sources = item.querySelector(".sources")
      sources.hidden = turn.sources.length === 0
      sources.replaceChildren(...turn.sources.map((source) => this.#source(source)))
    })
  }

  // The visitor speaks and nothing is written yet.
  showHearing(isShown) {
    if (isShown === Boolean(this.#ghost)) return
    this.#keepingPlace(() => {
      if (!isShown) {
        this.#ghost.remove()
        this.#ghost = undefined
        return
      }
      this.#ghost = this.#blank("visitor")
      this.#ghost.classList.add("hearing")
      this.#ghost.querySelector(".words > span").textContent = this.#words.hearing
      this.#list.append(this.#ghost)
    })
  }

  // The answer became audible now; its words may come a moment later.
  noteEar(ms, captions) {
    const last = captions.last
    if (last?.speaker === "agent" && !last.isFinal) this.#items.get(last.id).dataset.earMs = ms
    else this.#earMs = ms
  }

  #add(turn) {
    const item = this.#blank(turn.speaker)
    item.id = `turn-${turn.id}`
    if (turn.speaker === "agent" && this.#earMs !== undefined) {
      item.dataset.earMs = this.#earMs
      this.#earMs = undefined
    }
    this.#items.set(turn.id, item)
    this.#ghost && turn.speaker === "agent" ? this.#ghost.after(item) : this.#list.append(item)
    return item
  }

  #blank(speaker) {
    const item = this.#template.content.firstElementChild.cloneNode(true)
    item.classList.add(speaker)
    item.querySelector(".who").textContent = `${this.#words[`who_${speaker}`]}: `
    return item
  }

  #source({ title }) {
    const card = this.#template.content.querySelector(".source").cloneNode(true)
    card.querySelector("span").textContent = title
    return card
  }

  #keepingPlace(change) {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller
    const isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR_THE_END
    change()
    if (isAtEnd) this.showEnd()
  }
}
