// Where there is no page: say so kindly, and show the way back.
import { html, Icon } from "../core/dom.js";
import { mount } from "../core/shell.js";
import { t } from "../core/text.js";

function MissingPage() {
  return html`
    <div class="missing">
      <svg viewBox="0 0 240 120" aria-hidden="true">
        <path class="road" d="M0 108h240" />
        <path class="pole" d="M58 108V34" /><circle class="sign" cx="58" cy="28" r="20" /><path class="slash" d="M45 41 71 15" />
        <rect class="coach-body" x="120" y="52" width="92" height="46" rx="12" /><path class="coach-glass" d="M130 62h18v14h-18zM154 62h18v14h-18zM178 62h24v14h-24z" />
        <circle class="coach-wheel" cx="142" cy="98" r="9" /><circle class="coach-wheel" cx="190" cy="98" r="9" />
      </svg>
      <h1>${t("missing.title")}</h1>
      <p>${t("missing.body")}</p>
      <a class="button primary" href="/"><${Icon} name="search" />${t("nav.search")}</a>
    </div>`;
}

mount(MissingPage, t("missing.title"));
