// What the page asks the server. Every refusal becomes a `Refused` with a sentence for people.

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

const NO_MORE = "This page is no longer let in. Run `reelctl review` again.";
const NOBODY = "The review server does not answer. Run `reelctl review` again.";

async function answered(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused(0, NOBODY);
  }
  if (response.status === 401) throw new Refused(401, NO_MORE);
  if (response.ok) return response;
  const body = await response.json().catch(() => ({ message: response.statusText }));
  throw new Refused(response.status, body.message);
}

export async function ask(path, params = {}, signal = undefined) {
  const query = new URLSearchParams(Object.entries(params).filter(([, value]) => value !== "" && value != null));
  const response = await answered(query.size ? `${path}?${query}` : path, { signal });
  return response.json();
}

export async function bytes(path, signal = undefined) {
  return (await answered(path, { signal })).arrayBuffer();
}

export async function send(path, body = {}) {
  const headers = { "content-type": "application/json" };
  const response = await answered(path, { method: "POST", headers, body: JSON.stringify(body) });
  return response.json();
}

// The address of something about one session.
export const about = (session, ...rest) => ["/api/sessions", ...[session, ...rest].map(encodeURIComponent)].join("/");
