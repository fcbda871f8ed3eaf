// The editors' pages: keys, a warning before typed words are lost, and one click that counts once.

const form = document.querySelector("#text-form")
if (form) write(form)

addEventListener("keydown", (event) => {
  const isTyping = event.target.closest?.("input, textarea, select, [contenteditable]")
  const search = document.querySelector("[data-key='/']")
  if (event.key === "/" && search && !isTyping) {
    event.preventDefault()
    search.focus()
  }
})

function write(form) {
  const body = form.elements.body
  const field = body.closest("[data-longest]")
  const longest = Number(field.dataset.longest)
  let isUnsaved = form.dataset.unsaved === "yes"

  form.addEventListener("input", () => {
    isUnsaved = true
    // Refused here already, while the words are still in the box: a book pasted by mistake need not travel first.
    const count = [...body.value.replaceAll("\r\n", "\n").trim()].length
    const sentence = field.dataset.tooLong
      .replace("{count}", count.toLocaleString())
      .replace("{most}", longest.toLocaleString())
    body.setCustomValidity(count > longest ? sentence : "")
  })

  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) return event.preventDefault()
    form.dataset.sent = "yes"
    isUnsaved = false
  })

  // The back button may bring the page back as it was left.
  addEventListener("pageshow", () => delete form.dataset.sent)

  addEventListener("beforeunload", (event) => {
    if (isUnsaved) event.preventDefault()
  })

  addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "s") {
      event.preventDefault()
      form.requestSubmit(form.querySelector("[data-save]"))
    }
  })
}
