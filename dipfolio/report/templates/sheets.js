"use strict";
(() => {
  const packed = [...document.querySelectorAll(".packed")];
  const panes = [...document.querySelectorAll(".pane")].map(box => ({
    box, select: box.querySelector("select"), open: box.querySelector("a"), view: box.querySelector(".sheet"), marks: new Map(),
  }));
  const together = document.getElementById("together");

  /* The frame is as tall as its page, so that the pane scrolls and two panes can scroll together. What may run in it is
     what the policy of this page names by its hash: the charts of the tear sheet. */
  const frame = (title, html) => {
    const made = document.createElement("iframe");
    made.title = title;
    made.srcdoc = html.replace('id="library"></script>', () => `id="library">${drawing.library}</script>`);
    return made;
  };
  const inner = pane => pane.view.querySelector("iframe")?.contentDocument;
  const fit = pane => {
    const page = inner(pane);
    if (!page?.body) return;
    const top = pane.view.scrollTop, box = pane.view.querySelector("iframe");
    box.style.height = "0";
    box.style.height = `${page.documentElement.scrollHeight}px`;
    pane.view.scrollTop = top;
    const heads = [...page.querySelectorAll("#record, #record h3, .charts h2")].filter(head => head.getClientRects().length);
    const places = heads.map(head => [head.id || head.textContent, head.getBoundingClientRect().top + page.defaultView.scrollY]);
    pane.marks = new Map([["top", 0], ...places, ["end", pane.view.scrollHeight]]);
  };
  const applyTheme = pane => {
    const page = inner(pane), theme = document.documentElement.dataset.theme;
    if (!page?.documentElement) return;
    page.documentElement.style.colorScheme = theme || "";
    page.dispatchEvent(new Event("theme"));
  };
  const refitOnResize = pane => {
    let waiting = 0;
    const watch = new ResizeObserver(() => { cancelAnimationFrame(waiting); waiting = requestAnimationFrame(() => fit(pane)); });
    watch.observe(inner(pane).body);
  };
  const links = (pane, folder) => {
    const page = inner(pane);
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
    pane.marks = new Map();
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
    made.addEventListener("load", () => { applyTheme(pane); fit(pane); links(pane, source.dataset.folder); refitOnResize(pane); });
    pane.view.replaceChildren(made);
    pane.view.scrollTop = 0;
  };

  /* Equal sections stand side by side: positions are carried over between the headings that both have. */
  const carried = (from, to, top) => {
    const both = [...from.marks.keys()].filter(key => to.marks.has(key));
    if (both.length < 3) return top;
    let at = 0;
    while (at < both.length - 2 && from.marks.get(both[at + 1]) <= top) at += 1;
    const [start, end] = [both[at], both[at + 1]], room = from.marks.get(end) - from.marks.get(start);
    const share = (top - from.marks.get(start)) / Math.max(1, room);
    return to.marks.get(start) + share * (to.marks.get(end) - to.marks.get(start));
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
  document.addEventListener("theme", () => panes.forEach(applyTheme));
  document.addEventListener("panel", event => { if (event.detail === "sheets") panes.forEach(pane => show(pane).then(() => fit(pane))); });
})();
