// Runs in the visitor's page before any of its scripts: a microphone that speaks on cue, and an ear on both tracks.
// Times are performance.now() milliseconds. Nothing here touches the page's own code.
(() => {
  const LOUD = 0.004 // RMS of a 10 ms block above which somebody speaks
  const ear = (window.__ear = { agent: [], cues: [], recordings: [], clicks: [] })
  let context, voice, tap

  document.addEventListener('click', () => ear.clicks.push(performance.now()), true)

  function audio() {
    context ??= new AudioContext({ sampleRate: 48000 })
    context.resume()
    return context
  }

  // The microphone: silence until speak() plays a WAV into it. Only where the harness asked for it.
  if (window.__speaksOnCue) {
    const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
    navigator.mediaDevices.getUserMedia = async (wanted) => {
      if (!wanted?.audio) return real(wanted)
      voice = audio().createMediaStreamDestination()
      const hum = audio().createConstantSource()
      const quiet = audio().createGain()
      quiet.gain.value = 0
      hum.connect(quiet).connect(voice)
      hum.start()
      return voice.stream
    }
  }

  // Resolves when the last loud sample of the WAV has been played; answers with that moment.
  ear.speak = async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))
    const sound = await audio().decodeAudioData(bytes.buffer)
    const samples = sound.getChannelData(0)
    let last = samples.length - 1
    while (last > 0 && Math.abs(samples[last]) < 0.01) last--
    const source = audio().createBufferSource()
    source.buffer = sound
    source.connect(voice)
    if (stereo) source.connect(stereo, 0, 0)
    const start = context.currentTime + 0.05
    const begins = performance.now() + 50
    source.start(start)
    const ends = begins + (last / sound.sampleRate) * 1000
    const cue = { begins, ends }
    ear.cues.push(cue)
    await new Promise((done) => setTimeout(done, Math.max(0, ends - performance.now())))
    return cue
  }

  // The agent's track: the moment of every loud block, and the samples themselves at 16 kHz.
  const blocks = `registerProcessor('ear', class extends AudioWorkletProcessor {
    constructor() { super(); this.block = []; this.sum = 0 }
    process([input]) {
      const samples = input[0]
      if (samples) for (const sample of samples) {
        this.block.push(sample); this.sum += sample * sample
        if (this.block.length === 480) {
          const kept = []
          for (let i = 0; i < 480; i += 3) kept.push((this.block[i] + this.block[i + 1] + this.block[i + 2]) / 3)
          this.port.postMessage({ rms: Math.sqrt(this.sum / 480), at: currentTime, kept })
          this.block = []; this.sum = 0
        }
      }
      return true
    }
  })
  registerProcessor('stereo', class extends AudioWorkletProcessor {
    constructor() { super(); this.block = []; this.sum = [0, 0]; this.count = 0 }
    process([input]) {
      for (let i = 0; i < (input[0]?.length ?? 0); i++) {
        this.sum[0] += input[0][i]; this.sum[1] += input[1]?.[i] ?? 0
        if (++this.count < 3) continue
        for (const sum of this.sum) this.block.push(Math.max(-32768, Math.min(32767, (sum / 3) * 32767)) | 0)
        this.sum = [0, 0]; this.count = 0
        if (this.block.length < 1600) continue
        this.port.postMessage(this.block)
        this.block = []
      }
      return true
    }
  })`

  // Both sides of the call on one clock, to check the moments by: the microphone left, the agent's track right.
  let stereo
  const taken = []
  async function recordBoth() {
    const here = audio()
    tap ??= here.audioWorklet.addModule(URL.createObjectURL(new Blob([blocks], { type: 'text/javascript' })))
    await tap
    if (stereo) return
    stereo = here.createChannelMerger(2)
    const node = new AudioWorkletNode(here, 'stereo', { channelCount: 2, channelCountMode: 'explicit' })
    const mute = here.createGain()
    mute.gain.value = 0
    stereo.connect(node).connect(mute).connect(here.destination)
    node.port.onmessage = ({ data }) => taken.push(data)
  }

  async function listen(track) {
    const here = audio()
    await recordBoth()
    const source = here.createMediaStreamSource(new MediaStream([track]))
    const node = new AudioWorkletNode(here, 'ear')
    const mute = here.createGain()
    mute.gain.value = 0
    source.connect(node).connect(mute).connect(here.destination)
    source.connect(stereo, 0, 1)
    const recording = { samples: [], loudness: 0 } // LiveKit keeps spare tracks, which are silent
    ear.recordings.push(recording)
    node.port.onmessage = ({ data }) => {
      recording.loudness += data.rms
      const at = performance.now() - (here.currentTime - data.at) * 1000
      if (data.rms > LOUD) ear.agent.push(at)
      for (const sample of data.kept) recording.samples.push(Math.max(-32768, Math.min(32767, sample * 32767)) | 0)
    }
  }

  const Peer = window.RTCPeerConnection
  window.RTCPeerConnection = class extends Peer {
    constructor(...args) {
      super(...args)
      this.addEventListener('track', ({ track }) => track.kind === 'audio' && listen(track))
    }
  }

  // A click or a crackle is not speech: most of the next 80 ms must be loud too.
  ear.firstAfter = (moment) =>
    ear.agent.find((at, index) => at > moment && (ear.agent[index + 5] ?? Infinity) - at < 80) ?? null
  ear.quietSince = () => performance.now() - (ear.agent.at(-1) ?? 0)
  ear.forget = () => {
    ear.agent.length = taken.length = 0
    for (const recording of ear.recordings) Object.assign(recording, { samples: [], loudness: 0 })
  }
  // 16 kHz signed 16-bit PCM in base64; of both sides with the samples of left and right in turn.
  const encoded = (samples) => {
    const bytes = new Uint8Array(new Int16Array(samples).buffer)
    let text = ''
    for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192))
    return btoa(text)
  }
  ear.heard = () => encoded(ear.recordings.reduce((a, b) => (b.loudness > a.loudness ? b : a)).samples)
  ear.both = () => encoded(taken.flat())
})()
