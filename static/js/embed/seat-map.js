// <omnibus-seat-map bus="42" from="3" to="7">: the live seat map of a bus on any page. One file, which needs nothing of
// the page it is on and leaves nothing of its own there: the map lives in a frame, and says here what happens in it.
//
//   seats-changed  { seats, available }                                 what is chosen, and how many seats are free
//   hold           { id, seats, expires_at, total, checkout_url } | null  what is held for the buyer, or no longer
//   checkout       { checkout_url }                                     the buyer goes on; cancel it to go elsewhere

const HOME = new URL(import.meta.url).origin;
const SOURCE = "omnibus-seat-map";
const PASSED_ON = new Set(["seats-changed", "hold", "checkout"]);
const STYLE = `
  :host { display: block; }
  :host([hidden]) { display: none; }
  iframe { display: block; inline-size: 100%; block-size: 40rem; border: 0; color-scheme: normal; }
`;

class OmnibusSeatMap extends HTMLElement {
  static observedAttributes = ["bus", "from", "to", "theme", "label"];
  #frame = document.createElement("iframe");
  #isDue = false;

  constructor() {
    super();
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    root.append(this.#frame);
  }

  connectedCallback() {
    addEventListener("message", this.#hear);
    this.#show();
  }

  disconnectedCallback() {
    removeEventListener("message", this.#hear);
  }

  attributeChangedCallback() {
    if (this.isConnected) this.#show();
  }

  /** Several attributes that change together are one change. */
  #show() {
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      const bus = this.getAttribute("bus");
      this.#frame.title = this.getAttribute("label") ?? "Seats";
      if (!bus) return;
      const url = new URL(`/embed/buses/${encodeURIComponent(bus)}`, HOME);
      for (const name of ["from", "to", "theme"]) {
        const value = this.getAttribute(name);
        if (value) url.searchParams.set(name, value);
      }
      url.searchParams.set("origin", location.origin);
      if (this.#frame.src !== url.href) this.#frame.src = url.href;
    });
  }

  /** @param {MessageEvent} event */
  #hear = ({ source, origin, data }) => {
    if (source !== this.#frame.contentWindow || origin !== HOME || data?.source !== SOURCE) return;
    if (data.type === "height") this.#frame.style.blockSize = `${data.detail}px`;
    if (!PASSED_ON.has(data.type)) return;
    const isWanted = this.dispatchEvent(
      new CustomEvent(data.type, { detail: data.detail, bubbles: true, cancelable: true }),
    );
    if (data.type === "checkout" && isWanted) location.assign(data.detail.checkout_url);
  };
}

customElements.define("omnibus-seat-map", OmnibusSeatMap);
