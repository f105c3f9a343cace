// What makes the console quicker to use. Every page does its work without.
"use strict";

const all = (selector, within = document) => [...within.querySelectorAll(selector)];

// Times in the reader's zone; UTC stays in the title.
function localTimes(within) {
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  for (const time of all("time", within)) time.textContent = format.format(new Date(time.dateTime));
}

// Copy buttons are of no use without a script.
function copyButtons(within) {
  for (const button of all("[data-copy]", within)) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(button.dataset.copy);
      button.textContent = "Copied";
    });
  }
}

// A form is sent once, and says so when that takes a while.
function sendOnce(event) {
  const form = event.target;
  if (form.method !== "post") return;
  if (form.dataset.sent) return event.preventDefault();
  form.dataset.sent = "yes";
  const button = event.submitter;
  if (!button) return;
  button.setAttribute("aria-busy", "true");
  setTimeout(() => {
    const status = document.createElement("span");
    status.setAttribute("role", "status");
    status.className = "quiet";
    status.textContent = " Working…";
    button.after(status);
  }, 1000);
}

// Answers of the server to what is being typed, once it rests.
function fetchSoon(region, ask) {
  let timer, latest = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(async () => {
      const turn = ++latest;
      const answer = await ask();
      const text = answer && answer.ok ? await answer.text() : "";
      if (turn !== latest) return;
      region.innerHTML = text;
      enhance(region);
    }, 250);
  };
}

function switcher(input) {
  const region = document.getElementById("switch-found");
  const look = fetchSoon(region, () => fetch(`${input.dataset.switcher}?part=yes&q=${encodeURIComponent(input.value)}`));
  input.addEventListener("input", look);
  input.closest("details").addEventListener("toggle", (event) => {
    if (!event.target.open) return;
    input.focus();
    look();
  });
}

// A text area of names, one a line, shown as chips. The area stays what is sent.
function chips(area) {
  const list = document.createElement("div");
  list.className = "chips";
  const input = document.createElement("input");
  input.type = "text";
  input.autocapitalize = "none";
  input.spellcheck = false;
  input.id = `${area.id}-chips`;
  input.setAttribute("aria-describedby", area.getAttribute("aria-describedby") || "");
  const names = () => area.value.split(/[\s,;]+/).filter((name) => name);
  const set = (wanted) => {
    area.value = [...new Set(wanted)].join("\n");
    area.dispatchEvent(new Event("change", { bubbles: true }));
    show();
  };
  const show = () => {
    all(".chip", list).forEach((chip) => chip.remove());
    for (const name of names()) {
      const chip = document.createElement("span");
      chip.className = "chip";
      chip.textContent = name;
      const remove = document.createElement("button");
      remove.type = "button";
      remove.textContent = "×";
      remove.setAttribute("aria-label", `Remove ${name}`);
      remove.addEventListener("click", () => {
        set(names().filter((other) => other !== name));
        input.focus();
      });
      chip.append(remove);
      list.insertBefore(chip, input);
    }
  };
  const take = () => {
    const more = input.value.split(/[\s,;]+/).filter((name) => name);
    if (!more.length) return false;
    input.value = "";
    set([...names(), ...more]);
    return true;
  };
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && take()) event.preventDefault();
    if ((event.key === "," || event.key === ";") && take()) event.preventDefault();
    if (event.key === "Backspace" && !input.value) set(names().slice(0, -1));
  });
  input.addEventListener("paste", () => setTimeout(take));
  input.addEventListener("blur", take);
  list.append(input);
  area.hidden = true;
  area.required = false;
  area.before(list);
  document.querySelector(`label[for="${area.id}"]`).htmlFor = input.id;
  show();
}

// What a form would come to, shown while it is filled.
function preflight(form) {
  const region = document.getElementById(form.dataset.region);
  const look = fetchSoon(region, () => fetch(form.dataset.preflight, { method: "POST", body: new URLSearchParams(new FormData(form)) }));
  form.addEventListener("change", look);
  if (all("textarea", form).some((area) => area.value)) look();
}

// A file is read into the text area beside it, so that its lines can be seen before they are sent.
function fileInto(input) {
  input.closest(".field").hidden = false;
  input.addEventListener("change", async () => {
    const area = document.getElementById(input.dataset.into);
    area.value = await input.files[0].text();
    area.dispatchEvent(new Event("change", { bubbles: true }));
  });
}

// Lines of comma-separated values; one in quotation marks may run over several.
function records(text) {
  const found = [];
  let open = false;
  for (const line of text.split(/\r?\n/)) {
    if (open) found[found.length - 1] += `\n${line}`;
    else if (line.trim()) found.push(line);
    else continue;
    if ((line.match(/"/g) || []).length % 2) open = !open;
  }
  return found;
}

// An import goes in parts, so that it can be seen to go on. What failed stays in the text area.
function importer(form) {
  const region = document.getElementById(form.dataset.import);
  const send = async () => {
    const area = form.elements.lines;
    const lines = records(area.value);
    const heading = /(^|[,;\t]) *"?userName"? *([,;\t]|$)/i.test(lines[0]) ? [lines.shift()] : [];
    const progress = document.createElement("progress");
    progress.max = lines.length;
    const status = document.createElement("p");
    region.replaceChildren(progress, status);
    const failed = [];
    let at = 0, created = 0, table, why = "";
    while (at < lines.length) {
      const part = lines.slice(at, at + 100);
      status.textContent = `${at} of ${lines.length} lines done`;
      const fields = new URLSearchParams(new FormData(form));
      fields.set("lines", [...heading, ...part].join("\n"));
      for (const [name, value] of [["do", "create"], ["part", "yes"], ["before", at]]) fields.set(name, value);
      const answer = await fetch(form.action, { method: "POST", body: fields, redirect: "manual" }).catch(() => null);
      const found = new DOMParser().parseFromString(answer ? await answer.text() : "", "text/html");
      const left = found.querySelector("[data-left]");
      if (!left) {
        why = found.querySelector("[role=alert]")?.textContent || "";
        break;
      }
      created += Number(left.dataset.created);
      failed.push(...records(left.textContent));
      if (table) table.tBodies[0].append(...found.querySelector("table").tBodies[0].rows);
      else region.append(found.querySelector(".scroll")), (table = region.querySelector("table"));
      progress.value = at += part.length;
    }
    const rest = [...failed, ...lines.slice(at)];
    area.value = rest.length ? [...heading, ...rest].join("\n") : "";
    progress.remove();
    const stopped = at < lines.length ? ` It stopped after ${at} lines. ${why}` : "";
    status.textContent = `${created} created, ${failed.length} not.${stopped}`;
  };
  form.addEventListener("submit", (event) => {
    const area = form.elements.lines;
    if (event.submitter?.value !== "create" || !area.value.trim()) return;
    event.preventDefault();
    event.stopPropagation();
    const buttons = all("button", form);
    buttons.forEach((button) => (button.disabled = true));
    send().finally(() => buttons.forEach((button) => (button.disabled = false)));
  });
}

function selectAll(box) {
  (box.closest("[hidden]") || box).hidden = false;
  box.addEventListener("change", () => {
    for (const other of all(`input[type="checkbox"][name="${box.dataset.all}"]`)) other.checked = box.checked;
  });
}

// A handle follows the name until somebody types one.
function handleOf(input) {
  const handle = document.getElementById(input.dataset.handle);
  const suggest = (name) =>
    name.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[^a-z0-9]+/g, "-").slice(0, 63).replace(/^-+|-+$/g, "");
  let last = suggest(input.value);
  input.addEventListener("input", () => {
    if (handle.value && handle.value !== last) return;
    handle.value = last = suggest(input.value);
  });
}

function enhance(within) {
  localTimes(within);
  copyButtons(within);
  all("[data-switcher]", within).forEach(switcher);
  all("[data-chips]", within).forEach(chips);
  all("[data-preflight]", within).forEach(preflight);
  all("[data-into]", within).forEach(fileInto);
  all("[data-all]", within).forEach(selectAll);
  all("[data-import]", within).forEach(importer);
  all("[data-handle]", within).forEach(handleOf);
}

document.addEventListener("submit", sendOnce);
// Back and forward must not find a form that counts as sent.
addEventListener("pageshow", () => all("form[data-sent]").forEach((form) => delete form.dataset.sent));
enhance(document);
