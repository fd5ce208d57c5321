// `/admin/`: the sales floor. The frame alone is loaded at first; each view comes when somebody goes there.
import { App } from "../admin/app.js";
import { html, render } from "../core/dom.js";

const app = /** @type {HTMLElement} */ (document.getElementById("app"));
app.replaceChildren();
render(html`<${App} />`, app);
