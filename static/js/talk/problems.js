// What can go wrong, as the visitor is told it: a sentence, and the ways on. Pure.

// Ways on: "again" (the same once more), "anew" (another conversation), "type" (without a microphone), "desk" (a person by phone).
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
  you: ["anew"],
  goodbye: ["anew"],
  closed: ["anew", "desk"],
  silence: ["anew", "type"],
  longest_call: ["anew", "desk"],
  staff: ["anew", "desk"],
  error: ["anew", "desk"],
}

const LONGEST_WAIT = 120 // seconds worth telling

// A failed call. `trouble.sentence` is the server's own, which says when to come back; ours does not.
export function explainTrouble(trouble, words) {
  const ways = PROBLEMS[trouble.code] ?? PROBLEMS.unknown
  if (trouble.sentence) return { sentence: trouble.sentence, ways }
  const wait = trouble.retryAfter > 0 && trouble.retryAfter <= LONGEST_WAIT
  const parts = [words[`problem_${trouble.code}`] || words.problem_unknown]
  if (wait) parts.push(words.retry_after.replace("{seconds}", trouble.retryAfter))
  return { sentence: parts.join(" "), ways }
}

// A call that came to its end.
export function explainEnd(reason, words) {
  const known = reason in ENDINGS ? reason : "closed"
  return { sentence: words[`ended_${known}`], ways: ENDINGS[known] }
}
