// The text box: what is typed goes to `send`, at most LONGEST characters. Near the end it says how many are left, and
// `tell` is given a sentence when something did not fit, since a browser leaves out the rest of a paste without a word.

export const LONGEST = 500
const NEAR_THE_END = 100

export function letType({ form, counter, words, send, tell }) {
  const box = form.elements.question
  box.maxLength = LONGEST
  let isCut = false

  form.addEventListener("submit", (event) => {
    event.preventDefault()
    const typed = box.value.trim()
    const text = typed.slice(0, LONGEST)
    if (!text) return box.focus()
    box.value = ""
    isCut = false
    count()
    send(text)
    if (typed.length > LONGEST) tell(cutWords())
  })
  box.addEventListener("beforeinput", ({ data, dataTransfer }) => {
    const added = (data ?? dataTransfer?.getData("text/plain") ?? "").length
    const stays = box.value.length - (box.selectionEnd - box.selectionStart)
    isCut = stays + added > LONGEST
    if (isCut) {
      count() // an input that adds nothing is not told
      tell(cutWords())
    }
  })
  box.addEventListener("input", count)
  count()

  function count() {
    const left = Math.max(0, LONGEST - box.value.length)
    counter.hidden = left > NEAR_THE_END && !isCut
    counter.textContent = counter.hidden ? "" : isCut ? cutWords() : words.characters_left.replace("{left}", left)
  }

  function cutWords() {
    return words.typed_cut.replace("{most}", LONGEST)
  }
}
