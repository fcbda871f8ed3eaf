// A member of staff in the room of a call: hidden and only hearing, or heard with their own microphone.

const EVERY_MS = 80

export class Ears {
  #onLevel
  #onGone
  #room
  #heard = []
  #meter
  #context
  #microphone

  isSpeaking = false

  constructor({ onLevel, onGone }) {
    this.#onLevel = onLevel
    this.#onGone = onGone
  }

  get isIn() {
    return Boolean(this.#room)
  }

  get isListening() {
    return this.isIn && !this.isSpeaking
  }

  /** Rejects if the room cannot be reached, or with a DOMException if the microphone cannot be used. */
  async join(url, token, { speaks }) {
    this.leave()
    const { Room, RoomEvent, Track } = await import("livekit-client")
    // Asked for before the room is joined: nobody waits in it for a microphone that is refused.
    const microphone = speaks ? await navigator.mediaDevices.getUserMedia({ audio: true }) : undefined
    const room = new Room({ disconnectOnPageLeave: true })
    room
      .on(RoomEvent.TrackSubscribed, (track) => {
        if (track.kind !== Track.Kind.Audio) return
        const player = track.attach()
        player.hidden = true
        player.dataset.staffEar = ""
        document.body.append(player)
        this.#measure(track.mediaStreamTrack)
      })
      .on(RoomEvent.TrackUnsubscribed, (track) => track.detach().forEach((player) => player.remove()))
      .on(RoomEvent.Disconnected, () => {
        if (this.#room === room) this.leave()
      })
    try {
      await room.connect(url, token)
      if (microphone) {
        const [track] = microphone.getAudioTracks()
        await room.localParticipant.publishTrack(track, { source: Track.Source.Microphone })
      }
    } catch (error) {
      microphone?.getTracks().forEach((track) => track.stop())
      room.disconnect().catch(() => {})
      throw error
    }
    this.#room = room
    this.#microphone = microphone
    this.isSpeaking = speaks
    room.startAudio().catch(() => {})
  }

  leave() {
    const room = this.#room
    if (!room) return
    this.#room = undefined
    this.isSpeaking = false
    this.#microphone?.getTracks().forEach((track) => track.stop())
    clearInterval(this.#meter)
    this.#meter = undefined
    this.#context?.close().catch(() => {})
    this.#context = undefined
    this.#heard = []
    document.querySelectorAll("audio[data-staff-ear]").forEach((player) => player.remove())
    room.disconnect().catch(() => {})
    this.#onGone()
  }

  /** The loudest of all who are heard, 0 to 1. */
  #measure(track) {
    const Context = window.AudioContext ?? window.webkitAudioContext
    if (!Context) return
    this.#context ??= new Context()
    this.#context.resume().catch(() => {})
    const analyser = new AnalyserNode(this.#context, { fftSize: 1024 })
    this.#context.createMediaStreamSource(new MediaStream([track])).connect(analyser)
    this.#heard.push({ analyser, samples: new Float32Array(1024), track })
    this.#meter ??= setInterval(() => {
      this.#heard = this.#heard.filter(({ track }) => track.readyState === "live")
      const levels = this.#heard.map(({ analyser, samples }) => {
        analyser.getFloatTimeDomainData(samples)
        return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length)
      })
      this.#onLevel(Math.min(1, Math.max(0, ...levels) * 5))
    }, EVERY_MS)
  }
}
