// The text box: what is typed goes to `send`, at most LONGEST characters, and near the end it says how many are left.

export const LONGEST = 500
const NEAR_THE_END = 100

export function letType({ form, counter, words, send }) {
  const box = form.elements.question
  box.maxLength = LONGEST

  form.addEventListener("submit", (event) => {
    event.preventDefault()
    const text = box.value.trim().slice(0, LONGEST)
    if (!text) return box.focus()
    box.value = ""
    count()
    send(text)
  })
  box.addEventListener("input", count)
  count()

  function count() {
    const left = LONGEST - box.value.length
    counter.hidden = left > NEAR_THE_END
    counter.textContent = counter.hidden ? "" : words.characters_left.replace("{left}", left)
  }
}
