"use strict";
(() => {
  const packed = [...document.querySelectorAll(".packed")];
  const panes = [...document.querySelectorAll(".pane")].map(box => ({
    box, select: box.querySelector("select"), open: box.querySelector("a"), view: box.querySelector(".sheet"), marks: [0, 1],
  }));
  const together = document.getElementById("together");

  /* The frame is as tall as its page, so that the pane scrolls and two panes can scroll together; nothing in it runs. */
  const frame = (title, html) => {
    const made = document.createElement("iframe");
    made.title = title;
    made.setAttribute("sandbox", "allow-same-origin allow-popups allow-popups-to-escape-sandbox");
    made.srcdoc = html;
    return made;
  };
  const fit = pane => {
    const page = pane.view.querySelector("iframe")?.contentDocument;
    if (!page?.body) return;
    const inner = pane.view.querySelector("iframe");
    inner.style.height = "0";
    inner.style.height = `${page.documentElement.scrollHeight}px`;
    const heads = [...page.querySelectorAll("#record, #record h3")].map(h => h.getBoundingClientRect().top + page.defaultView.scrollY);
    pane.marks = [0, ...heads, pane.view.scrollHeight];
  };
  const links = (pane, folder) => {
    const page = pane.view.querySelector("iframe").contentDocument;
    for (const link of page.querySelectorAll("a[href]")) {
      const to = link.getAttribute("href");
      if (to.startsWith("#")) continue;
      link.href = new URL(`${folder}/${to}`, document.baseURI).href;
      link.target = "_blank";
    }
    page.addEventListener("click", event => {
      const link = event.target.closest?.("a[href^='#']"), goal = link && page.getElementById(link.getAttribute("href").slice(1));
      if (!goal) return;
      event.preventDefault();
      pane.view.scrollTop = goal.getBoundingClientRect().top + page.defaultView.scrollY;
    });
  };
  const say = (pane, text) => {
    const p = document.createElement("p");
    p.textContent = text;
    pane.view.replaceChildren(p);
    pane.marks = [0, 1];
  };
  const show = async pane => {
    const place = Number(pane.select.value), source = packed[place], name = pane.select.selectedOptions[0].textContent;
    if (pane.shown === place) return;
    pane.shown = place;
    pane.open.hidden = !source.dataset.link;
    pane.open.href = source.dataset.link || "";
    if (!source.dataset.link) return say(pane, `${name} has no tear sheet.`);
    if (!source.textContent || !drawing.able) return say(pane, `The tear sheet of ${name} opens as a page of its own.`);
    const made = frame(`Tear sheet of ${name}`, await drawing.unpack(source.textContent));
    if (pane.shown !== place) return;
    made.addEventListener("load", () => { fit(pane); links(pane, source.dataset.folder); });
    pane.view.replaceChildren(made);
    pane.view.scrollTop = 0;
  };

  /* Equal sections stand side by side: positions are carried over from mark to mark. */
  const carried = (from, to, top) => {
    const common = Math.min(from.marks.length, to.marks.length), alike = from.marks.length === to.marks.length;
    if (!alike || common < 3) return top;
    let at = 0;
    while (at < common - 2 && from.marks[at + 1] <= top) at += 1;
    const share = (top - from.marks[at]) / Math.max(1, from.marks[at + 1] - from.marks[at]);
    return to.marks[at] + share * (to.marks[at + 1] - to.marks[at]);
  };
  let leader = null, timer = 0;
  for (const pane of panes) {
    pane.select.addEventListener("change", () => show(pane));
    pane.view.addEventListener("scroll", () => {
      if (!together.checked || (leader && leader !== pane)) return;
      leader = pane;
      clearTimeout(timer);
      timer = setTimeout(() => { leader = null; }, 120);
      for (const other of panes) if (other !== pane) other.view.scrollTop = carried(pane, other, pane.view.scrollTop);
    });
  }
  window.addEventListener("resize", () => panes.forEach(fit));
  document.addEventListener("panel", event => { if (event.detail === "sheets") panes.forEach(pane => show(pane).then(() => fit(pane))); });
})();
