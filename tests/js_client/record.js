// node record.js RUNTIME FILE: records a test pattern for a second, watches it, stops it, exports it. One JSON to stdout.
"use strict"

const { setTimeout: sleep } = require("node:timers/promises")
const { Reeld } = require("./reeld.js")

const SECONDS = 1.0
const OVER = new Set(["completed", "error", "interrupted", "partial"])

/** The states a session goes through, as its events tell them, from now to its end; `begun` once they are heard. */
async function watch(reeld, begun) {
  const states = []
  for await (const event of reeld.events("session")) {
    if (event.type === "snapshot.reply") begun()
    if (event.type === "session.state") states.push(event.state)
    if (OVER.has(states.at(-1))) return states
  }
}

async function main(runtime, path) {
  const reeld = new Reeld(runtime)
  try {
    await reeld.ask("ping")
    let watched
    await new Promise((begun, failed) => {
      watched = watch(reeld, begun)
      watched.catch(failed)
    })
    const options = { name: "from JavaScript", displays: ["none"], test_patterns: ["640x480"], fps: 15 }
    const started = await reeld.ask("session.start", { ...options, microphone: "none", system_audio: "none" })
    const twice = await reeld.ask("session.start", options).catch((error) => error.code)
    while ((await reeld.ask("status")).session.elapsed_s < SECONDS) await sleep(50)
    const stopped = await reeld.ask("session.stop")
    const states = await watched
    const exported = await reeld.ask("sessions.export", { session: started.session, path })
    console.log(JSON.stringify({ started, twice, stopped, states, exported }))
  } finally {
    await reeld.close()
  }
}

main(...process.argv.slice(2)).catch((error) => {
  console.error(error)
  process.exit(1)
})
