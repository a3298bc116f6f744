// The snapshots of a session, and which of them is on view at a time.

import { about, ask } from "./api.js";

export class Stills {
  constructor(session, list) {
    this.session = session;
    this.list = list;
  }

  static async of(session) {
    const { snapshots } = await ask(about(session, "snapshots"));
    return new Stills(session, snapshots);
  }

  // Address of the last one taken at or before a time; null before the first.
  at(time) {
    let low = 0;
    let high = this.list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.list[middle].at_s <= time) low = middle + 1;
      else high = middle;
    }
    const still = this.list[low - 1];
    return still ? about(this.session, "snapshots", still.digest) : null;
  }
}
