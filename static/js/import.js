// A text beside its page: one click ticks all numbers, once they have been looked at.

const all = document.querySelector("[data-tick-all]")
if (all) {
  all.hidden = false
  all.addEventListener("click", () => {
    for (const box of document.querySelectorAll("[name=number]")) box.checked = true
  })
}
