// A client of reeld, written from proto/PROTOCOL.md alone: questions on `control`, events on `events`.
"use strict"

const { decode, encode } = require("@msgpack/msgpack")
const zmq = require("zeromq")

const VERSION = 1
const PATIENCE_MS = 30_000

/** An `error` reply. code: one of the table "Errors". */
class ReeldError extends Error {
  constructor({ code, message, remedy }) {
    super(remedy ? `${message} (${remedy})` : message)
    this.code = code
  }
}

/** One daemon. runtime: its runtime directory. */
class Reeld {
  constructor(runtime) {
    this.runtime = runtime
    this.control = new zmq.Dealer({ linger: 0 })
    this.control.connect(`ipc://${runtime}/control.sock`)
    this.count = 0
    this.waiting = new Map()
    this.reading = this.read()
  }

  /** The body of the reply to a command. Rejects with ReeldError, or when no reply comes in time. */
  async ask(type, fields = {}) {
    const id = `js-${++this.count}`
    const answer = new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }))
    const timer = setTimeout(() => this.settle(id, new Error(`no answer to ${type}`)), PATIENCE_MS)
    try {
      await this.control.send(encode({ v: VERSION, seq: this.count, id, body: { type, ...fields } }))
      return await answer
    } finally {
      clearTimeout(timer)
      this.waiting.delete(id)
    }
  }

  async read() {
    for await (const frames of this.control) {
      const { id, body } = decode(frames.at(-1))
      this.settle(id, body.type === "error" ? new ReeldError(body) : body)
    }
  }

  settle(id, outcome) {
    const asked = this.waiting.get(id)
    if (asked && outcome instanceof Error) asked.reject(outcome)
    else if (asked) asked.resolve(outcome)
  }

  /** Bodies of the events of these topics that follow the snapshot, which is given first. */
  async *events(...topics) {
    const socket = new zmq.Subscriber({ linger: 0 })
    const connected = new Promise((resolve) => socket.events.on("handshake", resolve))
    socket.connect(`ipc://${this.runtime}/events.sock`)
    socket.subscribe(...topics)
    try {
      await connected
      const snapshot = await this.ask("snapshot")
      yield snapshot
      for await (const [, data] of socket) {
        const { seq, body } = decode(data)
        if (seq === 0 || seq > snapshot.event_seq) yield body
      }
    } finally {
      socket.close()
    }
  }

  async close() {
    this.control.close()
    await this.reading
  }
}

module.exports = { Reeld, ReeldError }
