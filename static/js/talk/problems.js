// What can go wrong, as the visitor is told it: a sentence, and the ways on. Pure.

// Ways on: "again" (the same once more), "type" (without a microphone), "desk" (a person by phone).
const PROBLEMS = {
  mic_refused: ["type", "again", "desk"],
  mic_missing: ["type", "again", "desk"],
  mic_busy: ["again", "type", "desk"],
  agent_missing: ["again", "desk"],
  agent_left: ["again", "desk"],
  network: ["again", "desk"],
  offline: ["again", "desk"],
  unreachable: ["again", "desk"],
  line_busy: ["again", "desk"],
  too_many: ["again", "desk"],
  not_available: ["again", "desk"],
  out_of_minutes: ["desk"],
  unknown: ["again", "desk"],
}

const ENDINGS = {
  you: ["again"],
  goodbye: ["again"],
  closed: ["again", "desk"],
  silence: ["again", "type"],
  longest_call: ["again", "desk"],
  staff: ["again", "desk"],
  error: ["again", "desk"],
}

// A failed call. `trouble.sentence` is the server's own and comes first.
export function explainTrouble(trouble, words) {
  const ways = PROBLEMS[trouble.code] ?? PROBLEMS.unknown
  const sentence = trouble.sentence || words[`problem_${trouble.code}`] || words.problem_unknown
  const wait = trouble.retryAfter > 0 ? words.retry_after.replace("{seconds}", trouble.retryAfter) : ""
  return { sentence: [sentence, wait].filter(Boolean).join(" "), ways }
}

// A call that came to its end.
export function explainEnd(reason, words) {
  const known = reason in ENDINGS ? reason : "closed"
  return { sentence: words[`ended_${known}`], ways: ENDINGS[known] }
}
