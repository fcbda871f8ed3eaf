// A choice of files in the page's words, not the browser's. The input stays where it was, unseen: clicks, keys and
// files that are dropped are its own.

for (const input of document.querySelectorAll("input[type=file][data-choose]")) {
  const { choose, none } = input.dataset
  const frame = document.createElement("div")
  const button = document.createElement("span")
  const chosen = document.createElement("bdi")
  frame.className = "box files"
  button.className = "files-button"
  button.textContent = choose
  button.ariaHidden = chosen.ariaHidden = "true" // who listens is told by the input
  input.replaceWith(frame)
  frame.append(input, button, chosen)
  const show = () => {
    chosen.textContent = [...input.files].map((file) => file.name).join(", ") || none
  }
  input.addEventListener("change", show)
  show()
}
