// How loud the visitor and the agent are, many times a second. One loop for all who want to know.

const EVERY_MS = 20
const WINDOW = 1024 // samples, 21 ms at 48 kHz

export class Levels {
  #context
  #meters = new Map()
  #timer
  #listeners = []

  // Called inside the click, since a browser lets no page make sound, or measure it, before one.
  constructor() {
    const Context = window.AudioContext ?? window.webkitAudioContext
    this.#context = Context ? new Context() : undefined
    this.#context?.resume().catch(() => {})
  }

  follow(listener) {
    this.#listeners.push(listener)
  }

  measure(who, track) {
    if (!this.#context) return
    this.#meters.get(who)?.source.disconnect()
    const source = this.#context.createMediaStreamSource(new MediaStream([track]))
    const analyser = new AnalyserNode(this.#context, { fftSize: WINDOW, smoothingTimeConstant: 0 })
    source.connect(analyser)
    this.#meters.set(who, { source, analyser, samples: new Float32Array(WINDOW) })
    this.#timer ??= setInterval(() => this.#read(), EVERY_MS)
  }

  stop() {
    clearInterval(this.#timer)
    this.#meters.clear()
    this.#listeners = []
    this.#context?.close().catch(() => {})
  }

  #read() {
    const levels = { now: performance.now(), visitor: this.#level("visitor"), agent: this.#level("agent") }
    for (const listener of this.#listeners) listener(levels)
  }

  #level(who) {
    const meter = this.#meters.get(who)
    if (!meter) return 0
    meter.analyser.getFloatTimeDomainData(meter.samples)
    let sum = 0
    for (const sample of meter.samples) sum += sample * sample
    return Math.sqrt(sum / WINDOW)
  }
}
