// The visitor's page: buttons to a Call, a Call to what is seen and read aloud. Nothing is loaded or asked before a
// visitor turns towards it.
import { moveBars } from "js/talk/bars.js"
import { Call } from "js/talk/call.js"
import { Captions } from "js/talk/captions.js"
import { Ear } from "js/talk/ear.js"
import { Hearing } from "js/talk/hearing.js"
import { Levels } from "js/talk/levels.js"
import { explainEnd, explainTrouble } from "js/talk/problems.js"
import { letRate } from "js/talk/rating.js"
import { Sentences } from "js/talk/sentences.js"
import { askForToken } from "js/talk/token.js"
import { Transcript } from "js/talk/transcript.js"
import { letType } from "js/talk/typing.js"

const words = JSON.parse(document.getElementById("words").textContent)
const language = document.documentElement.lang
const panel = document.getElementById("call")
const part = (name) => panel.querySelector(`[data-part="${name}"]`)
const starters = document.querySelectorAll("[data-start]")

const transcript = new Transcript({
  list: part("turns"),
  scroller: part("scroller"),
  template: document.getElementById("turn"),
  words,
})

let call, levels, captions, sentences, hearing
let isLineUp = true
let lastMode = "voice"

// Getting ready

const rating = letRate({ form: part("rating"), words })
// Asked on the page before the call; a page without the question records nothing.
const mayRecord = () => document.querySelector("[data-agree]")?.checked ?? false

const load = () => import("livekit-client")

function turnTowards() {
  load().catch(() => {}) // tried again, and told, on the click
  const link = document.createElement("link")
  link.rel = "preconnect"
  link.href = panel.dataset.livekit.replace(/^ws/, "http")
  document.head.append(link)
}

for (const name of ["pointerover", "focusin", "touchstart"]) {
  document.addEventListener(name, prepare, { passive: true })
}

function prepare({ target }) {
  if (!target.closest?.("[data-start], [data-question], #call")) return
  for (const name of ["pointerover", "focusin", "touchstart"]) document.removeEventListener(name, prepare)
  turnTowards()
}

// Starting

function start(mode, question = "") {
  if (call?.isAlive) return
  const clickedAt = performance.now()
  levels?.stop()
  lastMode = mode
  isLineUp = true
  levels = mode === "voice" ? new Levels() : undefined
  captions = new Captions()
  sentences = new Sentences()
  hearing = new Hearing()
  transcript.clear()
  const current = (call = new Call({ mode, load, askForToken: () => askForToken({ language, mode, mayRecord: mayRecord() }) }))
  listenTo(current, clickedAt)
  panel.dataset.mode = mode
  part("recorded").hidden = true
  rating.close()
  part("mute").hidden = mode !== "voice"
  showMuted(false)
  showPerson("")
  say("")
  hint("")
  if (question) ask(question)
  current.start()
  const at = document.activeElement
  if (mode === "text" && !question) part("box").focus()
  else if (!panel.contains(at) || part("ways").contains(at)) panel.focus({ preventScroll: true })
}

function ask(text) {
  transcript.draw(captions.typed(text))
  showEmpty()
  call.say(text)
}

function typed(text) {
  if (call?.isAlive) ask(text)
  else start("text", text)
}

function listenTo(current, clickedAt) {
  const on = (name, react) => current.addEventListener(name, ({ detail }) => current === call && react(detail))
  const ear = new Ear(clickedAt)

  on("state", ({ state, reason }) => {
    if (state === "speaking") forgetHearing()
    if (state === "ended" || state === "failed") return close(state, reason)
    show()
  })
  on("line", ({ up }) => {
    isLineUp = up
    show()
    if (!up) announce(words.state_reconnecting)
  })
  on("heard", ({ id, text, final }) => {
    forgetHearing()
    if (text.trim()) transcript.draw(captions.heard(id, text, final))
    showEmpty()
  })
  on("said", ({ id, delta }) => {
    forgetHearing()
    transcript.draw(captions.said(id, delta))
    showEmpty()
    for (const sentence of sentences.add(id, delta)) announce(sentence)
  })
  on("silent", ({ id }) => {
    const turn = captions.silent(id)
    if (turn) transcript.draw(turn)
    announce(sentences.finish(id))
  })
  on("sources", ({ sources }) => {
    const turn = captions.cite(sources)
    if (turn) transcript.draw(turn)
  })
  on("confirmed", () => {
    const turn = captions.confirm()
    if (turn) transcript.draw(turn)
  })
  on("language", ({ language }) => {
    captions.language = language
  })
  on("person", ({ how }) => showPerson(how))
  on("sound", ({ blocked }) => {
    part("sound").hidden = !blocked
  })
  on("recorded", ({ isRecorded }) => {
    part("recorded").hidden = !isRecorded
  })
  on("quiet", () => hint(words.hint_quiet))
  on("unsent", () => hint(words.hint_unsent))
  on("track", ({ who, track }) => levels?.measure(who, track))

  if (!levels) return
  moveBars(part("voice"), levels, () => (current.state === "speaking" ? "agent" : "visitor"))
  levels.follow((now) => {
    const heard = ear.hear(now)
    if (heard) {
      if (heard.kind === "ear") transcript.noteEar(heard.ms, captions)
      current.report(heard.kind, heard.ms)
      document.dispatchEvent(new CustomEvent(`concierge:${heard.kind}`, { detail: { ms: heard.ms } }))
    }
    if (current.isMuted || current.state === "connecting") return
    if (now.visitor > 0.02 && part("hint").textContent === words.hint_quiet) hint("")
    transcript.showHearing(hearing.listen(now, current.state === "thinking") && current.state !== "speaking")
    showEmpty()
  })
}

function forgetHearing() {
  hearing.reset()
  transcript.showHearing(false)
}

// Showing

function show() {
  const state = call.state
  panel.dataset.state = isLineUp ? state : "connecting"
  part("state").textContent = stateWords(state)
  part("ways").hidden = true
  for (const starter of starters) starter.disabled = call.isAlive
  if (state === "connecting" && isLineUp) announce(words.state_connecting)
  showEmpty()
}

function stateWords(state) {
  if (!isLineUp) return words.state_reconnecting
  if (state === "listening" && lastMode === "text") return words.state_reading
  if (state === "listening" && call.isMuted) return words.state_muted
  return words[`state_${state}`]
}

function showEmpty() {
  part("empty").hidden = !transcript.isEmpty
}

function showPerson(how) {
  const sentence = how ? words[`person_${how}`] ?? "" : ""
  if (part("person").textContent !== sentence) announce(sentence)
  part("person").textContent = sentence
  part("person").hidden = !sentence
}

function showMuted(isMuted) {
  const button = part("mute")
  button.setAttribute("aria-label", isMuted ? words.unmute : words.mute)
  button.title = button.getAttribute("aria-label")
  button.classList.toggle("is-muted", isMuted)
}

function close(state, reason) {
  levels?.stop()
  forgetHearing()
  isLineUp = true
  panel.dataset.state = state
  part("voice").style.removeProperty("--level")
  part("sound").hidden = true
  showPerson("")
  hint("")
  for (const starter of starters) starter.disabled = false
  const { sentence, ways } = state === "ended" ? explainEnd(reason, words) : explainTrouble(reason, words)
  part("state").textContent = words[`state_${state}`]
  part("outcome").textContent = sentence
  for (const way of part("ways").querySelectorAll("[data-way]")) {
    way.hidden = !(ways.includes(way.dataset.way) || way.dataset.way === "back")
  }
  part("recorded").hidden = true
  part("ways").hidden = false
  if (!transcript.isEmpty) rating.open(call.ratingKey)
  showEmpty()
  transcript.showEnd()
  announce(`${words[`state_${state}`]} ${sentence}`)
  // Whoever was at a button that is gone would find themselves at the top of the page.
  if (!panel.contains(document.activeElement) || document.activeElement.closest("[data-part=bar]")) {
    part("ways").querySelector("[data-way]:not([hidden])")?.focus({ preventScroll: true })
  }
}

function hint(text) {
  part("hint").textContent = text
  part("hint").hidden = !text
}

function announce(text) {
  if (!text) return
  const line = document.createElement("p")
  line.textContent = text
  part("announcer").append(line)
  while (part("announcer").childElementCount > 5) part("announcer").firstElementChild.remove()
}

function say(text) {
  part("announcer").replaceChildren()
  announce(text)
}

// The buttons

for (const starter of starters) starter.addEventListener("click", () => start(starter.dataset.start))
for (const question of document.querySelectorAll("[data-question]")) {
  question.addEventListener("click", () => typed(question.textContent.trim()))
}
letType({ form: part("form"), counter: part("counter"), words, send: typed, tell: announce })

part("hangup").addEventListener("click", () => call?.hangUp())
part("sound").addEventListener("click", () => call?.allowSound())
part("mute").addEventListener("click", async () => {
  const isMuted = !call.isMuted
  showMuted(isMuted)
  await call.mute(isMuted)
  forgetHearing()
  show()
})
part("ways").addEventListener("click", ({ target }) => {
  const way = target.closest("[data-way]")?.dataset.way
  if (way === "again" || way === "anew") start(lastMode)
  if (way === "type") start("text")
  if (way === "back") {
    panel.dataset.state = "idle"
    part("state").textContent = words.state_idle
    document.querySelector("[data-start]").focus()
  }
})
