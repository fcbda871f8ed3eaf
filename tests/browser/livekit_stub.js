// A livekit-client that does what a test tells it: served to the page instead of the real one.
// The test drives it through `window.line`.

export const ParticipantKind = { STANDARD: 0, AGENT: 4 }
export const DisconnectReason = {
  CLIENT_INITIATED: 1, PARTICIPANT_REMOVED: 4, ROOM_DELETED: 5, SIGNAL_CLOSE: 9, ROOM_CLOSED: 10,
}
export const RoomEvent = Object.fromEntries(
  [
    "ParticipantConnected", "ParticipantDisconnected", "ParticipantAttributesChanged", "Reconnecting",
    "SignalReconnecting", "Reconnected", "Disconnected", "LocalAudioSilenceDetected", "AudioPlaybackStatusChanged",
    "TrackSubscribed", "TrackUnsubscribed",
  ].map((name) => [name, name]),
)
export const Track = { Kind: { Audio: "audio" }, Source: { Microphone: "microphone" } }
export const ConnectionState = {}

class Microphone {
  constructor(mediaStreamTrack) { this.mediaStreamTrack = mediaStreamTrack }
  async mute() { line.muted = true }
  async unmute() { line.muted = false }
  stop() { line.microphoneStopped = true; this.mediaStreamTrack.stop() }
  startPreConnectBuffer() { line.buffered = true }
}

export class Room {
  remoteParticipants = new Map()
  canPlaybackAudio = true
  #handlers = {}
  #text

  constructor() {
    line.room = this
    this.localParticipant = {
      identity: "visitor",
      createTracks: async () => {
        line.microphoneAsked = true
        if (line.microphoneError) throw Object.assign(new Error("no"), { name: line.microphoneError })
        const context = new AudioContext()
        const tone = new OscillatorNode(context, { frequency: 200 })
        line.voice = new GainNode(context, { gain: 0 })
        const out = new MediaStreamAudioDestinationNode(context)
        tone.connect(line.voice).connect(out)
        tone.start()
        return [new Microphone(out.stream.getAudioTracks()[0])]
      },
      publishTrack: async (track, options) => { line.published = options },
      sendText: async (text, { topic }) => {
        if (line.refuseText) throw new Error("lost")
        line.sent.push([topic, text])
      },
      publishData: async (payload, { topic }) => {
        line.data.push([topic, JSON.parse(new TextDecoder().decode(payload))])
      },
    }
  }
  async startAudio() { this.canPlaybackAudio = true; this.emit("AudioPlaybackStatusChanged") }
  async connect(url, token) {
    line.connected = { url, token }
    if (line.connectError) throw new Error("unreachable")
    await line.letIn
  }
  async disconnect() { line.left = true }
  registerTextStreamHandler(topic, handler) { if (topic === "lk.transcription") this.#text = handler }
  on(name, handler) { (this.#handlers[name] ??= []).push(handler); return this }
  emit(name, ...details) { for (const handler of this.#handlers[name] ?? []) handler(...details) }
  stream(identity, reader) { return this.#text(reader, { identity }) }
}

const line = (window.line = {
  sent: [],
  data: [],
  ...window.lineBefore,
  agentComes(state = "listening") {
    this.agent = { kind: 4, identity: "agent", attributes: { "lk.agent.state": state }, waitUntilActive: async () => {} }
    this.room.remoteParticipants.set("agent", this.agent)
    this.room.emit("ParticipantConnected", this.agent)
  },
  agentSets(attributes) {
    Object.assign(this.agent.attributes, attributes)
    this.room.emit("ParticipantAttributesChanged", attributes, this.agent)
  },
  agentIs(state) { this.agentSets({ "lk.agent.state": state }) },
  agentLeaves() {
    this.room.remoteParticipants.delete("agent")
    this.room.emit("ParticipantDisconnected", this.agent)
  },
  hears(text, final = true, segment = "u1") {
    const attributes = { "lk.segment_id": segment, "lk.transcription_final": String(final) }
    return this.room.stream("visitor", { info: { id: segment, attributes }, readAll: async () => text })
  },
  // Opens an answer that is spoken bit by bit: says("The pool ") ... done()
  answers(segment = "a1") {
    let push
    async function* spoken() {
      for (;;) {
        const chunk = await new Promise((resolve) => { push = resolve })
        if (chunk === null) return
        yield chunk
      }
    }
    this.says = async (chunk) => { push(chunk); await new Promise((resolve) => setTimeout(resolve, 20)) }
    this.done = () => this.says(null)
    const reader = {
      info: { id: segment, attributes: { "lk.segment_id": segment, "lk.transcription_final": "false" } },
      [Symbol.asyncIterator]: spoken,
    }
    this.room.stream("agent", reader)
    return new Promise((resolve) => setTimeout(resolve, 20))
  },
  agentSounds() {
    const context = new AudioContext()
    const tone = new OscillatorNode(context, { frequency: 300 })
    this.agentVoice = new GainNode(context, { gain: 0 })
    const out = new MediaStreamAudioDestinationNode(context)
    tone.connect(this.agentVoice).connect(out)
    tone.start()
    const mediaStreamTrack = out.stream.getAudioTracks()[0]
    const track = {
      kind: "audio",
      mediaStreamTrack,
      attach: () => document.createElement("audio"),
      detach: () => [],
    }
    this.room.emit("TrackSubscribed", track, {}, this.agent)
  },
})
