// Keeps all tracks at the same place. The time is that of the sound that plays, as its clock cannot be bent unheard; pictures
// follow it by playing a little faster or slower. Where nothing plays (gaps), the clock of the machine goes on.

const TICK_MS = 40;
const APART_S = 0.35; // So far apart an element is put where it belongs; nearer, it is led there.
const NEAR_S = { audio: 0.04, video: 0.008 }; // Sounds share one clock and state their time in steps; bending is heard.
const BEND_MAX = 0.2;
// Sound that is heard at another moment than its element and the audio context say, in seconds; recorded beside flashes of
// the picture, in Chromium on PulseAudio.
const HEARD_LATER_S = { slowed: -0.03, straight: 0.02 };
const START_MS = 600; // An element that has not begun to play after this long is not waited for.

export class Conductor extends EventTarget {
  #at = 0;
  #since = 0;
  #runs = false; // The clock runs: it plays, and nothing is waited for.
  #timer = 0;
  #master = null;
  #masterAt = 0;
  #waitingSince = 0;

  constructor(manifest, feeds) {
    super();
    this.manifest = manifest;
    this.feeds = feeds;
    this.playing = false;
    this.speed = 1;
    this.skipsGaps = false;
    this.latency = () => 0; // How much later than its time the sound is heard, in seconds.
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  get position() {
    const passed = this.#runs ? ((performance.now() - this.#since) / 1000) * this.speed : 0;
    return Math.min(this.#at + passed, this.manifest.duration);
  }

  get isWaiting() {
    return this.playing && !this.#runs;
  }

  play() {
    if (this.playing) return;
    if (this.position >= this.manifest.duration - 0.05 && !this.manifest.lasts) this.seek(0);
    this.playing = true;
    this.#waitingSince = performance.now();
    this.#tick();
    this.#tell();
  }

  pause() {
    if (!this.playing) return;
    this.#hold(this.position);
    this.playing = false;
    for (const feed of this.feeds) this.#put(feed, this.#at);
    this.#tell();
  }

  seek(at) {
    this.#hold(Math.max(0, Math.min(at, this.manifest.duration)));
    for (const feed of this.feeds) {
      feed.want(this.#at, true);
    }
    this.#tick();
    this.#tell();
  }

  setSpeed(speed) {
    this.#at = this.position;
    this.#since = performance.now();
    this.speed = speed;
    for (const feed of this.feeds) feed.element.playbackRate = speed;
    this.#tell();
  }

  // Whether every track shows what belongs to the present time.
  get isSettled() {
    return this.feeds.every((feed) => feed.placeAt(this.#at).kind !== "media" || feed.isReady(this.#at));
  }

  close() {
    clearInterval(this.#timer);
    for (const feed of this.feeds) feed.close();
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }

  #hold(at) {
    this.#at = at;
    this.#runs = false;
    this.#master = null;
    this.#waitingSince = performance.now();
    for (const feed of this.feeds) feed.element.pause();
  }

  #put(feed, at) {
    if (feed.placeAt(at).kind === "media" && Math.abs(feed.element.currentTime - at) > 0.011) feed.show(at);
  }

  #tick() {
    const at = this.position;
    for (const feed of this.feeds) feed.want(at);
    const places = this.feeds.map((feed) => [feed, feed.placeAt(at)]);
    const shown = places.filter(([, place]) => place.kind === "media").map(([feed]) => feed);
    for (const [feed, place] of places) if (place.kind !== "media" && !feed.element.paused) feed.element.pause();
    if (!this.playing) return this.#settle(shown, at);
    if (at >= this.manifest.duration && !this.manifest.lasts) return this.pause();
    if (this.skipsGaps && this.#skip(places)) return;
    if (shown.some((feed) => !feed.isReady(at) && !(this.#runs && feed.element.seeking))) return this.#wait(shown, at);
    this.#go(shown, at);
  }

  // While it stands: a track that had nothing to show when it was sent here may have it by now.
  #settle(shown, at) {
    for (const feed of shown) if (!feed.element.seeking && Math.abs(feed.element.currentTime - at) > 0.02) this.#put(feed, at);
  }

  #wait(shown, at) {
    if (this.#runs) this.#hold(at);
    this.#settle(shown, this.#at);
  }

  #go(shown, at) {
    const master = shown.find((feed) => feed.isSound) ?? shown[0] ?? null;
    if (master !== this.#master) {
      this.#master = master;
      this.#masterAt = master?.element.currentTime ?? 0;
    }
    // A sound takes a moment to be heard; a picture that did not wait for it would be ahead.
    const starting = this.#runs ? shown : shown.filter((feed) => feed === master || feed.isSound);
    for (const feed of starting) if (feed.element.paused) this.#start(feed, at);
    const time = master?.element.currentTime ?? at;
    const advances = !master || (time > this.#masterAt + 0.001 && !master.element.seeking);
    this.#masterAt = time;
    if (!this.#runs) {
      if (!advances && performance.now() - this.#waitingSince < START_MS) return;
      this.#at = advances && master ? time : at;
      this.#since = performance.now();
      this.#runs = true;
      for (const feed of shown) if (feed.element.paused) this.#start(feed, this.#at);
    } else if (master && advances) {
      this.#follow(master, time - at, at);
    }
    const heard = master?.isSound ? this.#heardLater() : 0;
    for (const feed of shown) if (feed !== master) this.#lead(feed, this.position - (feed.isSound ? 0 : heard));
  }

  // How much of the recording lies between the sound that an element states and the one that is heard.
  #heardLater() {
    return (this.latency() + (this.speed < 1 ? HEARD_LATER_S.slowed : HEARD_LATER_S.straight)) * this.speed;
  }

  #start(feed, at) {
    if (Math.abs(feed.element.currentTime - at) > 0.1) feed.show(at);
    feed.element.playbackRate = this.speed;
    feed.element.play().catch(() => {}); // what a pause interrupts
  }

  // The clock is brought to the sound gently, since a sound states its time in steps.
  #follow(master, ahead, at) {
    const isFar = Math.abs(ahead) > APART_S;
    if (isFar) master.show(at);
    this.#at = at + (isFar ? 0 : ahead * 0.3);
    this.#since = performance.now();
  }

  // Bring an element to where it belongs, without a jump if it is near.
  #lead(feed, at) {
    const { element } = feed;
    if (element.seeking || element.paused) return;
    const ahead = element.currentTime - at;
    if (Math.abs(ahead) > APART_S && feed.isReady(at)) {
      feed.show(at);
    } else {
      const bend = Math.abs(ahead) < NEAR_S[feed.track.kind] ? 0 : Math.max(-BEND_MAX, Math.min(BEND_MAX, -ahead * 2));
      element.playbackRate = this.speed * (1 + bend);
    }
  }

  // Beyond what no track has anything for.
  #skip(places) {
    const pictures = places.filter(([feed]) => !feed.isSound);
    const judged = pictures.length ? pictures : places;
    if (!judged.length || judged.some(([, place]) => place.kind === "media")) return false;
    const ends = judged.map(([, place]) => place.until ?? Infinity);
    const until = Math.min(...ends);
    if (!Number.isFinite(until)) return false;
    this.seek(until + 0.001);
    return true;
  }
}
