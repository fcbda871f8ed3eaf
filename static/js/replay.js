// The recording of a call, in step with its timeline: a turn plays from its own second, and the one that is being heard
// is marked. Turns carry their moment by the clock of the worker, whose moment of second 0 the player carries.

const LEAD_SECONDS = 0.3 // so that no first syllable is lost

const player = document.querySelector("[data-replay]")
const list = document.querySelector("[data-turns]")
const began = Number(player.dataset.replay)
const secondOf = (turn) => Math.max(0, Number(turn.dataset.at) - began)

list.addEventListener("click", ({ target }) => {
  const turn = target.closest("[data-play]")?.closest("[data-at]")
  if (!turn) return
  player.currentTime = Math.max(0, secondOf(turn) - LEAD_SECONDS)
  player.play()
})

player.addEventListener("timeupdate", () => {
  const heard = player.currentTime + LEAD_SECONDS + 0.05
  const now = [...list.querySelectorAll(".turn")].filter((turn) => secondOf(turn) <= heard).at(-1)
  for (const turn of list.querySelectorAll(".turn.playing")) if (turn !== now) turn.classList.remove("playing")
  if (!now || now.classList.contains("playing") || player.paused) return
  now.classList.add("playing")
  now.scrollIntoView({ block: "nearest" })
})

player.addEventListener("error", () => {
  const told = document.createElement("p")
  told.className = "notice bad"
  told.setAttribute("role", "status")
  told.textContent = player.dataset.failed
  player.after(told)
})
