// Follows the wall of calls and one call as they happen. The server sends everything on each connect and then what
// changes, as the same partials the page was made of: coming back is catching up, and a repeat replaces itself.

const FIRST_WAIT_MS = 400
const LONGEST_WAIT_MS = 8_000
const NOT_FOUND = 4404
const MOST_ENDED = 20
// Words that never became a turn, such as a sentence that was cut off, go away by themselves.
const INTERIM_LIFE_MS = 15_000
const SILENCE_MS = 20_000 // voice/screens.py has the same

for (const region of document.querySelectorAll('[data-live="wall"]')) follow(region, wall(region))
for (const region of document.querySelectorAll('[data-live="call"]')) follow(region, call(region))
setInterval(tick, 1000)

/** Keeps a socket open and hands each message to `show`, which may answer "behind" to be sent everything again. */
function follow(region, show) {
  const sign = region.querySelector('.connection')
  const url = new URL(region.dataset.url, location.href.replace(/^http/, 'ws'))
  let wait = FIRST_WAIT_MS
  let timer, socket

  function connect() {
    clearTimeout(timer)
    socket = new WebSocket(url)
    socket.onmessage = ({ data }) => {
      wait = FIRST_WAIT_MS
      sign.textContent = ''
      if (show(JSON.parse(data)) === 'behind') socket.close()
    }
    socket.onclose = ({ code }) => {
      if (code === NOT_FOUND) {
        sign.textContent = sign.dataset.gone
        return
      }
      if (wait > FIRST_WAIT_MS) sign.textContent = sign.dataset.waiting
      timer = setTimeout(connect, wait * (0.75 + Math.random() / 2)) // not all browsers at once
      wait = Math.min(wait * 2, LONGEST_WAIT_MS)
    }
  }

  function hurry() {
    if (socket.readyState === WebSocket.CLOSED && sign.textContent !== sign.dataset.gone) connect()
  }

  addEventListener('online', hurry)
  document.addEventListener('visibilitychange', () => document.hidden || hurry())
  connect()
}

function wall(region) {
  const live = region.querySelector('[data-list="live"]')
  const ended = region.querySelector('[data-list="ended"]')
  const rings = region.querySelector('[data-rings]')
  const callBacks = region.querySelector('[data-call-backs]')
  const counts = document.querySelectorAll('[data-live-count]')
  const heard = new WeakMap() // by card: when somebody was last heard, on our clock
  settle()

  // A call in which nobody is heard any more comes forward by itself: no message says so.
  setInterval(() => {
    for (const card of live.querySelectorAll('[data-quiet]')) {
      if (!heard.has(card)) heard.set(card, performance.now() - Number(card.dataset.quiet) * 1000)
      const mark = card.querySelector('[data-silence]')
      const isSilent = performance.now() - heard.get(card) >= SILENCE_MS
      if (mark.hidden !== isSilent) continue
      mark.hidden = !isSilent
      const others = card.querySelectorAll('.chip:is(.warn, .bad):not([data-silence])').length
      card.dataset.need = Math.max(Number(card.dataset.need) > 1 ? 2 : 0, isSilent || others ? 1 : 0)
      card.classList.toggle('need', card.dataset.need !== '0')
      if (card.contains(document.activeElement)) continue
      live.insertBefore(card, [...live.children].find((other) => other !== card && comesBefore(card, other)) ?? null)
    }
  }, 1000)

  const only = region.querySelector('[data-only-need]')
  only?.addEventListener('click', () => {
    const isOn = region.toggleAttribute('data-only')
    only.setAttribute('aria-pressed', String(isOn))
    only.classList.toggle('plain', !isOn)
  })

  return take

  function take(message) {
    if (message.kind === 'snapshot') {
      const focused = document.activeElement?.closest('.call-card')?.id
      live.innerHTML = message.live
      ended.innerHTML = message.ended
      if (focused) link(document.getElementById(focused))?.focus({ preventScroll: true })
      rings.innerHTML = message.rings
      callBacks.innerHTML = message.call_backs
    } else if (message.kind === 'ring') {
      const fresh = fragment(message.html)
      document.getElementById(fresh.id)?.remove()
      rings.append(fresh)
      ringTheBell(fresh.innerText)
    } else if (message.kind === 'call_back') {
      const fresh = fragment(message.html)
      document.getElementById(fresh.id)?.remove()
      callBacks.prepend(fresh)
    } else if (message.kind === 'call_back_done') {
      document.getElementById(`call-back-${message.call_back}`)?.remove()
    } else if (message.kind === 'gone') {
      document.getElementById(`call-${message.call}`)?.remove()
    } else if (message.kind === 'ring_over') {
      document.getElementById(`ring-${message.hand_off}`)?.remove()
    } else if (message.kind === 'card') {
      put(message)
    } else if (message.kind === 'agent_state') {
      showAgentState(document.getElementById(`call-${message.call}`), message.chip)
      return
    } else {
      message.words.forEach(speak)
      return
    }
    settle()
  }

  function put({ call, state, html }) {
    const old = document.getElementById(`call-${call}`)
    // A call never comes back: news of an ended one was overtaken on the way.
    if (old?.dataset.state === 'ended' && state !== 'ended') return
    const card = fragment(html)
    const list = state === 'ended' ? ended : live
    const spoken = old?.querySelector('.words.interim')
    // A change of state says nothing new about words that are still being spoken.
    const isNewSaid = old?.dataset.lastTurn !== card.dataset.lastTurn
    if (spoken && state !== 'ended' && !isNewSaid) card.querySelector('.words').replaceWith(spoken)
    if (!isNewSaid && heard.has(old)) heard.set(card, heard.get(old))
    const focused = old?.contains(document.activeElement)
    if (old?.parentNode !== list) card.classList.add('arrived')
    old?.remove()
    list.insertBefore(card, [...list.children].find((other) => comesBefore(card, other)) ?? null)
    if (focused) link(card).focus({ preventScroll: true })
    while (ended.children.length > MOST_ENDED) ended.lastElementChild.remove()
  }

  function comesBefore(card, other) {
    const need = Number(card.dataset.need) - Number(other.dataset.need)
    const at = Number(card.dataset.at) - Number(other.dataset.at)
    return need > 0 || (need === 0 && at > 0)
  }

  function speak({ call, speaker, text }) {
    const card = document.getElementById(`call-${call}`)
    if (card?.parentNode !== live) return
    heard.set(card, performance.now())
    const words = card.querySelector('.words')
    words.textContent = text
    words.dataset.speaker = speaker
    words.classList.add('interim')
  }

  function settle() {
    for (const count of counts) count.textContent = live.children.length
    const selected = region.dataset.selected && document.getElementById(region.dataset.selected)
    if (selected) link(selected).setAttribute('aria-current', 'true')
  }
}

/** In a card or a head that says what the agent does; one that says who has the call in its place does not. */
function showAgentState(place, chip) {
  place?.querySelector('[data-agent-state]')?.replaceWith(fragment(chip))
}

/** Two short tones, and a note of the system's own if the page may show one. */
function ringTheBell(text) {
  try {
    const audio = new AudioContext()
    for (const [frequency, at] of [[660, 0], [880, 0.22]]) {
      const tone = new OscillatorNode(audio, { frequency })
      const loudness = new GainNode(audio, { gain: 0.15 })
      tone.connect(loudness).connect(audio.destination)
      tone.start(audio.currentTime + at)
      tone.stop(audio.currentTime + at + 0.18)
    }
    setTimeout(() => audio.close(), 1000)
  } catch {
    // A browser that lets the page make no sound before it was touched; the notice is there.
  }
  if (globalThis.Notification?.permission === 'granted') new Notification(text.trim())
}

function call(region) {
  const head = region.querySelector('[data-head]')
  const scroll = region.querySelector('[data-scroll]')
  const turns = region.querySelector('[data-turns]')
  const interims = region.querySelector('[data-interims]')
  const blank = region.querySelector('[data-interim]')
  let isFirst = true

  return (message) => {
    const wasAtEnd = isFirst || scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 60
    const answer = show(message)
    if (wasAtEnd) scroll.scrollTop = scroll.scrollHeight
    isFirst = false
    return answer
  }

  function show(message) {
    if (message.kind === 'gone') {
      // Erased: nothing of it stays on the screen.
      region.querySelector('.connection').textContent = region.querySelector('.connection').dataset.gone
      for (const part of [head, turns, interims]) part.replaceChildren()
      for (const part of region.querySelectorAll('.afterwards, .replay')) part.remove()
      return
    }
    if (message.kind === 'words') return message.words.forEach(speak)
    if (message.kind === 'happening') return happen(message)
    if (message.kind === 'agent_state') return showAgentState(head, message.chip)
    if (message.kind === 'turn') return put(message)
    if (!(region.dataset.state === 'ended' && message.state !== 'ended')) {
      region.dataset.state = message.state
      head.innerHTML = message.head
      hold(message)
    }
    if (message.kind === 'snapshot') {
      turns.innerHTML = message.turns
      interims.replaceChildren()
    }
    if (message.state === 'ended') interims.replaceChildren()
  }

  function hold({ hold, held_as: heldAs, is_muted: isMuted }) {
    const before = region.dataset.hold
    Object.assign(region.dataset, { hold, heldAs, muted: isMuted ? '1' : '0' })
    region.dispatchEvent(new CustomEvent('concierge:hold', { detail: { hold, heldAs, before } }))
  }

  function put({ number, speaker, turn }) {
    const last = Number([...turns.querySelectorAll('.turn')].at(-1)?.dataset.number ?? 0)
    if (number > last + 1) return 'behind' // one was lost on the way
    const fresh = fragment(turn)
    const old = document.getElementById(fresh.id)
    if (old) return old.replaceWith(fresh)
    interims.querySelector(`.${speaker}`)?.remove()
    fresh.classList.add('arrived')
    turns.insertBefore(fresh, [...turns.children].find((other) => Number(other.dataset.number) > number) ?? null)
  }

  function happen({ at, happening }) {
    const fresh = fragment(happening)
    const old = document.getElementById(fresh.id)
    if (old) return old.replaceWith(fresh)
    turns.insertBefore(fresh, [...turns.children].find((other) => Number(other.dataset.at) > at) ?? null)
  }

  function speak({ speaker, text }) {
    let line = interims.querySelector(`.${speaker}`)
    if (!line) {
      line = blank.content.firstElementChild.cloneNode(true)
      line.classList.add(speaker)
      interims.append(line)
    }
    line.querySelector('.words').textContent = text
    clearTimeout(line.gone)
    line.gone = setTimeout(() => line.remove(), INTERIM_LIFE_MS)
  }
}

// Minutes of live calls run on here; the server's clock and ours need not agree.
const seen = new WeakMap()

function tick() {
  for (const time of document.querySelectorAll('[data-elapsed]')) {
    if (!seen.has(time)) seen.set(time, performance.now() - Number(time.dataset.elapsed) * 1000)
    time.textContent = clock((performance.now() - seen.get(time)) / 1000)
  }
}

function clock(seconds) {
  const two = (number) => String(Math.floor(number) % 60).padStart(2, '0')
  const minutes = seconds / 60
  return minutes < 60 ? `${Math.floor(minutes)}:${two(seconds)}` : `${Math.floor(minutes / 60)}:${two(minutes)}:${two(seconds)}`
}

/** The element that the server has rendered, and escaped, in `html`. */
function fragment(html) {
  return document.createRange().createContextualFragment(html).firstElementChild
}

function link(card) {
  return card?.querySelector('a')
}

// Whoever goes on shift is asked once whether the system may tell them.
document.querySelector('.shift button[value="1"]')?.addEventListener('click', () => globalThis.Notification?.requestPermission?.())
