// Dialogs: a form, a question. The browser's own <dialog> keeps the focus inside and gives it back.

import { fill, freshId, h } from "./dom.js";
import { alert, button, tell } from "./parts.js";
import { current } from "./session.js";

const firmIsOpen = () => document.querySelector("dialog[data-firm][open]") !== null;
// That a dialog's `cancel` is prevented, browsers put up with once.
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && firmIsOpen()) event.preventDefault();
});
window.addEventListener("beforeunload", (event) => {
  if (firmIsOpen()) event.preventDefault();
});

/** Opens a dialog; `build(close)` answers what is in it. `firm`: it closes by its own button alone. */
export function open(title, build, { firm = false, wide = false } = {}) {
  const id = freshId();
  const before = document.activeElement;
  const look = wide ? "dialog dialog-wide" : "dialog";
  const dialog = h("dialog", { "aria-labelledby": id, class: look, "data-firm": firm, closedby: firm ? "none" : null });
  // The event comes with the next frame, and in a tab that is not seen not at all.
  const gone = () => {
    if (!dialog.isConnected) return;
    // What it showed is gone from the page with it.
    dialog.remove();
    // The browser gave the focus back, unless what had it is no more.
    if (document.activeElement === document.body) (before?.isConnected ? before : document.querySelector("main h1"))?.focus();
  };
  const close = () => {
    dialog.close();
    gone();
  };
  fill(dialog, h("h2", { id, tabindex: "-1" }, title), build(close));
  dialog.addEventListener("close", gone);
  document.body.append(dialog);
  dialog.showModal();
  return close;
}

/** Goes on with what a dialog needs to know, unless its page is left meanwhile. */
export async function whileHere(asked, then) {
  const page = document.getElementById("main");
  const found = await asked;
  if (page.isConnected) then(found);
}

/** One labelled field. A field is { name, label, type?, help?, required?, value?, options?, maxlength?, rows?, … }. */
export function field(definition) {
  const { name, label, type = "text", help, options, value, rows, unmarked = false, ...rest } = definition;
  const id = freshId();
  const helpId = help ? freshId() : null;
  const attributes = { id, name, "aria-describedby": helpId, ...rest };
  if (type === "checkbox") {
    const input = h("input", { ...attributes, type, checked: Boolean(value) });
    return h("div", { class: "field field-check" }, h("label", { for: id }, input, h("span", {}, label)), helped(help, helpId));
  }
  let input;
  if (options) {
    input = h("select", attributes, options.map(([key, text]) => h("option", { value: key, selected: key === value }, text)));
  } else if (rows) {
    input = h("textarea", { ...attributes, rows, value: value ?? "" });
  } else {
    input = h("input", { ...attributes, type, value: value ?? "" });
  }
  const mark = rest.required || unmarked ? null : h("span", { class: "muted" }, " (optional)");
  return h("div", { class: "field" }, h("label", { for: id }, label, options ? null : mark), input, helped(help, helpId));
}

const helped = (help, id) => (help ? h("p", { class: "help", id }, help) : null);

/** What the fields of a form hold. */
export function values(form) {
  const held = {};
  for (const input of form.elements) {
    if (!input.name) continue;
    if (input.type === "radio") {
      if (input.checked) held[input.name] = input.value;
    } else {
      held[input.name] = input.type === "checkbox" ? input.checked : input.value;
    }
  }
  return held;
}

/**
 * A dialog with a form. `check(values)` answers what is wrong before anything is asked, `act(values)` does it; what is
 * refused is shown in its words, and the dialog stays. What `act` answers is called when it is done, with whether the page
 * is still there; not where the session is another by then.
 */
export function form(title, { lead, fields = [], body = [], label, kind = "primary", check, act, wide, cancel = "Cancel" }) {
  const page = document.getElementById("main");
  const session = current();
  return open(
    title,
    (close) => {
      const problem = h("div", { class: "problem" });
      const submit = h("button", { type: "submit", class: `button button-${kind}` }, label);
      const element = h(
        "form",
        { novalidate: true },
        lead ? h("p", { class: "lead" }, lead) : null,
        fields.map(field),
        body,
        problem,
        h("div", { class: "dialog-actions" }, button(cancel, close), submit),
      );
      element.addEventListener("input", () => fill(problem));
      let busy = false;
      element.addEventListener("submit", async (event) => {
        event.preventDefault();
        if (busy) return;
        fill(problem);
        const held = values(element);
        const wrong = missing(element) ?? check?.(held);
        if (wrong) {
          fill(problem, alert(wrong.text ?? wrong, null, null));
          wrong.input?.focus();
          return;
        }
        busy = true;
        // Not disabled: that would take the focus from it.
        submit.setAttribute("aria-disabled", "true");
        try {
          const then = await act(held);
          close();
          if (current() === session) then?.(page.isConnected);
        } catch (error) {
          if (!element.closest("dialog")?.open) return tell(error);
          if (error.status === undefined) console.error(error);
          fill(problem, alert(error.message));
        } finally {
          busy = false;
          submit.removeAttribute("aria-disabled");
        }
      });
      return element;
    },
    { wide },
  );
}

function missing(element) {
  for (const input of element.elements) {
    const label = input.labels?.[0]?.firstChild?.textContent ?? input.name;
    const wrong = input.required && input.value === "";
    input.toggleAttribute?.("aria-invalid", false);
    if (wrong) {
      input.setAttribute("aria-invalid", "true");
      return { text: `${label} is required.`, input };
    }
  }
  return null;
}

/** Asks before something that cannot be undone; `text` names the thing. */
export function confirm(title, text, label, act) {
  return form(title, { lead: text, label, kind: "danger", act });
}
