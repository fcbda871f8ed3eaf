// One call: a token, a room, the agent, and what state it is in. It knows LiveKit and no page; the page listens.
//
// Events (detail):
//   state    {state, reason}   idle -> connecting -> listening | thinking | speaking -> ended | failed
//   line     {up}              the network went, or came back, while the call goes on
//   heard    {id, text, final} the visitor's words; each replaces the last of the same id
//   said     {id, delta}       the agent's words as they are spoken; each follows the last of the same id
//   silent   {id}              that segment is over
//   sources  {sources}         what the last answer rested on
//   language {language}        the conversation goes on in it
//   confirmed {}               the last answer came from the staff
//   person   {how}             who has the word: "" the agent, a person by "typing" or "voice", "wait" nobody yet
//   track    {who, track}      a MediaStreamTrack to measure: "visitor", "agent" or "staff"
//   sound    {blocked}         the browser wants a tap before it plays
//   recorded {isRecorded}      whether the sound of this call is kept
//   quiet    {}                the microphone gives nothing at all
//   unsent   {text}            a typed question that did not leave

export const AGENT_PATIENCE_MS = 15_000
const LAST_WORDS_MS = 2_000 // the room closes a moment after the agent left
const CLOSING_MS = 10_000 // said why it ends, but the room stays

const BUSY = new Set(["listening", "thinking", "speaking"])
const MICROPHONE_TROUBLE = {
  NotAllowedError: "mic_refused",
  SecurityError: "mic_refused",
  PermissionDeniedError: "mic_refused",
  NotFoundError: "mic_missing",
  OverconstrainedError: "mic_missing",
  NotReadableError: "mic_busy",
  AbortError: "mic_busy",
}

// What stops a call before or while it runs. `code` names it, `message` is the server's own sentence, if it has one.
export class Trouble extends Error {
  constructor(code, { message = "", retryAfter = 0 } = {}) {
    super(message || code)
    this.code = code
    this.sentence = message
    this.retryAfter = retryAfter
  }
}

export class Call extends EventTarget {
  #load
  #askForToken
  #livekit
  #room
  #agent
  #microphone
  #patience
  #endedReason = ""
  #waiting = [] // typed before the agent could hear
  #isOver = false

  state = "idle"
  isMuted = false

  // `load` imports livekit-client, `askForToken` lets us in; both are functions, so that nothing happens before start().
  constructor({ mode, load, askForToken }) {
    super()
    this.mode = mode
    this.#load = load
    this.#askForToken = askForToken
  }

  get isAlive() {
    return this.state !== "idle" && !this.#isOver
  }

  async start() {
    this.#enter("connecting")
    try {
      const permission = this.mode === "voice" ? await microphonePermission() : "unneeded"
      if (permission === "denied") throw new Trouble("mic_refused")
      const asked = this.#askForToken()
      asked.catch(() => {}) // awaited below, after what may fail first
      this.#livekit = await this.#load().catch(() => { throw new Trouble("unreachable") })
      if (this.#isOver) return
      this.#makeRoom()
      // Where the browser will ask first, a full house is told before it asks, and nobody greets an open question.
      if (permission !== "granted") await asked
      const speaking = this.mode === "voice" ? this.#openMicrophone() : Promise.resolve()
      speaking.catch(() => {})
      if (permission !== "granted") await speaking
      const { url, token, isRecorded, ratingKey } = await asked
      if (this.#isOver) return
      this.ratingKey = ratingKey
      this.#tell("recorded", { isRecorded })
      await Promise.all([this.#connect(url, token), speaking])
      if (this.#isOver) return
      this.#waitForAgent()
    } catch (error) {
      this.#fail(error instanceof Trouble ? error : new Trouble("unknown"), error)
    }
  }

  async mute(isMuted) {
    this.isMuted = isMuted
    if (!this.#microphone) return
    await (isMuted ? this.#microphone.mute() : this.#microphone.unmute())
  }

  say(text) {
    if (BUSY.has(this.state)) return this.#send(text)
    this.#waiting.push(text)
  }

  // Tell the agent what was heard when. Only a figure for the staff: it may get lost.
  report(kind, ms) {
    if (!this.#agent || !this.isAlive) return
    const payload = new TextEncoder().encode(JSON.stringify({ kind, ms }))
    const to = { topic: "concierge.ear", reliable: true, destinationIdentities: [this.#agent.identity] }
    this.#room.localParticipant.publishData(payload, to).catch(() => {})
  }

  allowSound() {
    return this.#room?.startAudio()
  }

  hangUp() {
    this.#end("you")
  }

  // How it comes about

  #makeRoom() {
    const { Room, RoomEvent, Track } = this.#livekit
    const room = (this.#room = new Room({ disconnectOnPageLeave: true }))
    if (this.mode === "voice") room.startAudio().catch(() => {}) // tried again once there is something to play

    room.registerTextStreamHandler("lk.transcription", (reader, { identity }) => this.#transcribe(reader, identity))
    room
      .on(RoomEvent.ParticipantConnected, (participant) => this.#meet(participant))
      .on(RoomEvent.ParticipantAttributesChanged, (changed, participant) => this.#notice(changed, participant))
      .on(RoomEvent.ParticipantDisconnected, (participant) => this.#miss(participant))
      .on(RoomEvent.Reconnecting, () => this.#tell("line", { up: false }))
      .on(RoomEvent.SignalReconnecting, () => this.#tell("line", { up: false }))
      .on(RoomEvent.Reconnected, () => this.#returned())
      .on(RoomEvent.Disconnected, (reason) => this.#disconnected(reason))
      .on(RoomEvent.LocalAudioSilenceDetected, () => this.#tell("quiet", {}))
      .on(RoomEvent.AudioPlaybackStatusChanged, () => {
        if (this.mode === "voice") this.#tell("sound", { blocked: !room.canPlaybackAudio })
      })
      .on(RoomEvent.TrackSubscribed, (track, publication, participant) => {
        if (track.kind !== Track.Kind.Audio || this.mode !== "voice") return
        const player = track.attach()
        player.hidden = true
        document.body.append(player)
        const who = this.#isAgent(participant) ? "agent" : "staff"
        this.#tell("track", { who, track: track.mediaStreamTrack })
      })
      .on(RoomEvent.TrackUnsubscribed, (track) => {
        for (const player of track.detach()) player.remove()
      })
  }

  async #openMicrophone() {
    const { localParticipant } = this.#room
    let track
    try {
      ;[track] = await localParticipant.createTracks({ audio: true })
    } catch (error) {
      throw new Trouble(MICROPHONE_TROUBLE[error?.name] ?? "mic_refused")
    }
    if (this.#isOver) return track.stop()
    this.#microphone = track
    this.#tell("track", { who: "visitor", track: track.mediaStreamTrack })
    track.mediaStreamTrack.addEventListener?.("ended", () => this.#tell("quiet", {}))
    if (this.isMuted) await track.mute()
    track.startPreConnectBuffer?.() // words spoken before the agent is there are not lost
    const published = localParticipant.publishTrack(track, {
      source: this.#livekit.Track.Source.Microphone,
      preConnectBuffer: true,
    })
    published.catch((error) => {
      if (this.isAlive) this.#fail(new Trouble("network"), error)
    })
  }

  async #connect(url, token) {
    try {
      await this.#room.connect(url, token)
    } catch (error) {
      throw Object.assign(new Trouble("unreachable"), { cause: error })
    }
  }

  #waitForAgent() {
    this.#patience = setTimeout(() => this.#fail(new Trouble("agent_missing")), AGENT_PATIENCE_MS)
    for (const participant of this.#room.remoteParticipants.values()) this.#meet(participant)
  }

  #isAgent(participant) {
    const isOfItsKind = participant.kind === this.#livekit.ParticipantKind.AGENT
    return isOfItsKind && !participant.attributes?.["lk.publish_on_behalf"]
  }

  #meet(participant) {
    if (this.#agent || !this.#isAgent(participant)) return
    this.#agent = participant
    this.#notice(participant.attributes ?? {}, participant)
  }

  #notice(changed, participant) {
    if (participant !== this.#agent) return this.#meet(participant)
    if (changed["concierge.ended"]) {
      this.#endedReason = changed["concierge.ended"]
      setTimeout(() => this.#end(this.#endedReason), CLOSING_MS)
    }
    const state = changed["lk.agent.state"]
    if (BUSY.has(state)) this.#ready(state)
    const sources = readSources(changed["concierge.sources"] || "[]")
    if (sources.length > 0) this.#tell("sources", { sources })
    if (changed["concierge.language"]) this.#tell("language", { language: changed["concierge.language"] })
    if (changed["concierge.confirmed"]) this.#tell("confirmed", {})
    if ("concierge.person" in changed) this.#tell("person", { how: changed["concierge.person"] })
  }

  #ready(state) {
    clearTimeout(this.#patience)
    this.#enter(state)
    for (const text of this.#waiting.splice(0)) this.#send(text)
  }

  async #send(text) {
    try {
      await this.#agent.waitUntilActive() // before that, the server has nowhere to put it
      await this.#room.localParticipant.sendText(text, { topic: "lk.chat" })
    } catch {
      this.#tell("unsent", { text })
    }
  }

  async #transcribe(reader, identity) {
    const { attributes = {}, id } = reader.info
    const segment = attributes["lk.segment_id"] || id
    try {
      if (identity === this.#room.localParticipant.identity) {
        const text = await reader.readAll()
        this.#tell("heard", { id: segment, text, final: attributes["lk.transcription_final"] === "true" })
        return
      }
      for await (const delta of reader) this.#tell("said", { id: segment, delta })
    } catch {
      // The stream broke with the line; what has come so far stands.
    }
    this.#tell("silent", { id: segment })
  }

  // How it ends

  #miss(participant) {
    if (participant !== this.#agent || !this.isAlive) return
    if (this.#endedReason) return this.#end(this.#endedReason)
    this.#patience = setTimeout(() => this.#fail(new Trouble("agent_left")), LAST_WORDS_MS)
  }

  #returned() {
    this.#tell("line", { up: true })
    const here = [...this.#room.remoteParticipants.values()].find((participant) => this.#isAgent(participant))
    if (!here || here === this.#agent) return
    // After a full reconnect everybody in the room is a new object.
    clearTimeout(this.#patience)
    this.#agent = undefined
    this.#meet(here)
  }

  #disconnected(reason) {
    if (!this.isAlive) return
    const { DisconnectReason } = this.#livekit
    const closed = [DisconnectReason.ROOM_DELETED, DisconnectReason.PARTICIPANT_REMOVED, DisconnectReason.ROOM_CLOSED]
    if (this.#endedReason) this.#end(this.#endedReason)
    else if (closed.includes(reason)) this.#end("closed")
    else if (this.state !== "connecting") this.#fail(new Trouble("network"))
  }

  #end(reason) {
    if (this.#isOver) return
    this.#close()
    this.#enter("ended", reason)
  }

  #fail(trouble, cause) {
    if (this.#isOver) return
    if (cause && trouble.code === "unknown") console.error(cause)
    this.#close()
    this.#enter("failed", trouble)
  }

  #close() {
    this.#isOver = true
    clearTimeout(this.#patience)
    this.#microphone?.stop()
    this.#room?.disconnect().catch(() => {})
  }

  #enter(state, reason) {
    if (this.#isOver && state !== "ended" && state !== "failed") return
    this.state = state
    this.#tell("state", { state, reason })
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }))
  }
}

async function microphonePermission() {
  try {
    return (await navigator.permissions.query({ name: "microphone" })).state
  } catch {
    return "prompt" // a browser that does not tell
  }
}

function readSources(json) {
  try {
    const sources = JSON.parse(json)
    return Array.isArray(sources) ? sources.filter((source) => typeof source?.title === "string") : []
  } catch {
    return []
  }
}
