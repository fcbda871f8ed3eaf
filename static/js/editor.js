// The editors' pages: keys, what is typed kept at every pause, and one click that counts once.

import { keyOf } from "js/keys.js"

const KEEP_AFTER = 800 // milliseconds without a key
const RETRY_AFTER = 5_000

const form = document.querySelector("#text-form")
if (form) write(form)

for (const opener of document.querySelectorAll("[data-opens]")) {
  const dialog = document.getElementById(opener.dataset.opens)
  opener.addEventListener("click", () => dialog.showModal())
}

for (const setter of document.querySelectorAll("[data-sets]")) {
  setter.addEventListener("click", () => {
    document.getElementById(setter.dataset.sets).value = setter.dataset.value
  })
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return
  if (event.target.closest?.("input, textarea, select, [contenteditable]")) {
    if (event.key === "Escape") event.target.blur()
    return
  }
  const key = keyOf(event)
  if (key === "j" || key === "k") return step(key === "j" ? 1 : -1)
  if (key === "u" && form) return document.querySelector(".crumbs a:last-of-type")?.click()
  const target = document.querySelector(`[data-key="${CSS.escape(key)}"]`)
  if (!target) return
  event.preventDefault()
  if (target.matches("input")) target.focus()
  else target.click()
})

function step(by) {
  const rows = [...document.querySelectorAll(".entry-title")]
  const now = rows.indexOf(document.activeElement)
  rows[now < 0 ? 0 : Math.min(Math.max(now + by, 0), rows.length - 1)]?.focus()
}

function write(form) {
  const body = form.elements.body
  const field = body.closest("[data-longest]")
  const longest = Number(field.dataset.longest)
  const status = form.querySelector("[data-keeping-status]")
  // What the server has not got yet.
  let isUnsaved = form.dataset.unsaved === "yes"
  let timer = 0
  let keeping = null

  form.addEventListener("input", () => {
    isUnsaved = true
    // Refused here already, while the words are still in the box: a book pasted by mistake need not travel first.
    const count = [...body.value.replaceAll("\r\n", "\n").trim()].length
    const sentence = field.dataset.tooLong
      .replace("{count}", count.toLocaleString())
      .replace("{most}", longest.toLocaleString())
    body.setCustomValidity(count > longest ? sentence : "")
    if (count <= longest) keepAfter(KEEP_AFTER)
  })

  function keepAfter(wait) {
    clearTimeout(timer)
    timer = setTimeout(keep, wait)
  }

  async function keep() {
    keeping?.abort()
    const mine = (keeping = new AbortController())
    const typed = new FormData(form)
    typed.set("action", "keep")
    isUnsaved = false
    status.textContent = form.dataset.keeping
    try {
      const answer = await fetch(location.pathname, { method: "POST", body: typed, signal: mine.signal })
      if (!answer.ok) throw new Error(answer.status)
      if (!isUnsaved) status.textContent = form.dataset.kept
    } catch {
      if (mine.signal.aborted) return
      isUnsaved = true
      status.textContent = form.dataset.notKept
      keepAfter(RETRY_AFTER)
    }
  }

  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) return event.preventDefault()
    form.dataset.sent = "yes"
    isUnsaved = false
    // What is saved now need not be kept: a late copy would come up again on the next visit.
    clearTimeout(timer)
    keeping?.abort()
  })

  // The back button may bring the page back as it was left.
  addEventListener("pageshow", () => delete form.dataset.sent)

  addEventListener("beforeunload", (event) => {
    if (isUnsaved) event.preventDefault()
  })

  addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return
    const button = { s: "[data-save]", enter: "[data-publish]" }[keyOf(event).toLowerCase()]
    if (!button) return
    event.preventDefault()
    form.requestSubmit(form.querySelector(button))
  })
}
