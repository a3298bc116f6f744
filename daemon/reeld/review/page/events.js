// What happens in the daemon, as it happens. Listeners get the topic as the event's type and the record as its detail.

const TOPICS = ["hello", "session", "worker", "stats", "job", "export", "incident", "daemon"];

export class Events extends EventTarget {
  #source = null;

  open() {
    this.#source = new EventSource("/api/events");
    for (const topic of TOPICS) {
      this.#source.addEventListener(topic, (event) => {
        this.dispatchEvent(new CustomEvent(topic, { detail: JSON.parse(event.data) }));
      });
    }
    this.#source.addEventListener("error", () => this.dispatchEvent(new Event("disconnected")));
  }
}

export const events = new Events();
