// Asks the venue to be let in. LiveKit's token endpoint convention; refusals come with a sentence of their own.
import { Trouble } from "js/talk/call.js"

const LONGEST_PAGE = 200 // characters, as the endpoint takes it

// Tells the calls of one opened page from others, so that a visitor's calls can be erased together. Kept nowhere.
const visit = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("")

export async function askForToken({ language, mode, mayRecord }) {
  let response
  try {
    response = await fetch("/voice/token", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        participant_attributes: {
          lang: language,
          mode,
          page: location.pathname.slice(0, LONGEST_PAGE),
          record: mayRecord ? "yes" : "no",
          visit,
        },
      }),
    })
  } catch {
    throw new Trouble("offline")
  }
  const answer = await response.json().catch(() => ({}))
  if (!response.ok) {
    throw new Trouble(answer.error || "refused", {
      message: typeof answer.message === "string" ? answer.message : "",
      retryAfter: Number(response.headers.get("Retry-After")) || 0,
    })
  }
  return {
    url: answer.server_url,
    token: answer.participant_token,
    isRecorded: answer.recorded === true,
    ratingKey: answer.rating_key,
  }
}
