// livekit-client 2.23.0 for the import map. The package's ES module is 1.4 MB, since it is not minified; its minified
// build (livekit-client.umd.js, unchanged) is 0.6 MB and sets a global, which this file turns back into a module.
import "./livekit-client.umd.js"

export const {
  ConnectionState,
  DisconnectReason,
  ParticipantKind,
  Room,
  RoomEvent,
  Track,
} = globalThis.LivekitClient
