// After a call the visitor may say whether it helped. The thumb is sent at once, words may follow.

export function letRate({ form, words }) {
  const part = (name) => form.querySelector(`[data-part="${name}"]`)
  let key

  form.addEventListener("change", async ({ target }) => {
    if (target.name !== "rating") return
    const isStored = await send({ rating: target.value })
    for (const thumb of form.elements.rating) thumb.disabled = isStored
    if (!isStored) target.checked = false
    part("rating-words").hidden = !isStored
    if (isStored) form.elements.words.focus({ preventScroll: true })
  })

  form.addEventListener("submit", async (event) => {
    event.preventDefault()
    const said = form.elements.words.value.trim()
    if (said && (await send({ rating: form.elements.rating.value, words: said }))) part("rating-words").hidden = true
  })

  async function send(said) {
    const sent = await fetch("/voice/rating", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ key, ...said }),
    }).catch(() => undefined)
    part("rated").textContent = sent?.ok ? words.rated : words.rated_not
    return Boolean(sent?.ok)
  }

  return {
    open(ratingKey) {
      if (!ratingKey) return
      key = ratingKey
      form.hidden = false
    },
    close() {
      form.reset()
      form.hidden = part("rating-words").hidden = true
      part("rated").textContent = ""
      for (const thumb of form.elements.rating) thumb.disabled = false
    },
  }
}
