"use strict";
(() => {
  let data = null;
  const unpacked = drawing.able ? drawing.unpack(document.getElementById("chart-data").textContent).then(text => { data = JSON.parse(text); }) : null;
  const state = { sessions: 250, paper: false, clicked: false };

  const { plain, colour } = drawing;
  const faint = (name, part) => colour(name).replace("rgb(", "rgba(").replace(")", `, ${part})`);
  const percent = value => value === null ? "not known" : `${value < 0 ? "-" : "+"}${Math.abs(value * 100).toFixed(2)} %`;
  const hundred = values => values.map(v => v === null ? null : v * 100);
  const narrow = () => window.innerWidth < 760;
  const family = () => getComputedStyle(document.body).fontFamily;

  const layout = (height, x, y) => ({
    height, ...(state.paper ? { width: 660, autosize: false } : { autosize: true }), showlegend: false, hovermode: "x unified", dragmode: false,
    margin: { l: 50, r: 12, t: 8, b: 34 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: family(), size: 12, color: colour("muted") },
    hoverlabel: { bgcolor: colour("bg"), bordercolor: colour("strong-line"), font: { color: colour("text"), size: 12, family: family() }, namelength: -1 },
    xaxis: { gridcolor: colour("line"), linecolor: colour("strong-line"), zeroline: false, fixedrange: true, ...x },
    yaxis: { gridcolor: colour("line"), zerolinecolor: colour("strong-line"), fixedrange: true, ticksuffix: " %", ...y },
  });
  const line = (x, y, words, name, look) => ({ type: "scatter", mode: "lines", x, y, customdata: words, name: plain(name), hovertemplate: "%{customdata}", line: look });

  /* The band is one closed shape for each unbroken run of placebos. */
  const band = (c, kept) => {
    const known = kept.filter(k => c.low[k] !== null && c.high[k] !== null);
    if (!known.length) return [];
    return [{
      type: "scatter", mode: "lines", x: [...known.map(k => c.h[k]), ...known.map(k => c.h[k]).reverse()],
      y: hundred([...known.map(k => c.high[k]), ...known.map(k => c.low[k]).reverse()]),
      fill: "toself", fillcolor: faint("market", 0.2), line: { width: 0 }, hoverinfo: "skip",
    }];
  };
  const path = (c, name, look, kept) => line(kept.map(k => c.h[k]), hundred(kept.map(k => c.value[k])), kept.map(k => percent(c.value[k]) + (c.low[k] === null ? "" : `, placebos ${percent(c.low[k])} to ${percent(c.high[k])} (${c.n[k]})`)), name, look);
  const shown = c => c.h.map((_, k) => k).filter(k => c.h[k] <= state.sessions && c.value[k] !== null);
  const usual = (c, kept) => ({ ...line(kept.map(k => c.h[k]), hundred(kept.map(k => c.usual[k])), [], "", { color: colour("market"), width: 1.5, dash: "dot" }), hovertemplate: undefined, hoverinfo: "skip" });
  const sessions = { title: { text: "sessions", standoff: 4, font: { size: 11 } }, hoverformat: "d" };

  /* Where the band ends before the curve, a line says so. */
  const ended = (c, drawn) => {
    if (c.reach < 0 || c.reach >= Math.min(state.sessions, shown(c).map(k => c.h[k]).pop() ?? -1)) return drawn;
    const right = c.reach > state.sessions * 0.6;
    drawn.shapes = [{ type: "line", x0: c.reach, x1: c.reach, yref: "paper", y0: 0, y1: 1, line: { color: colour("muted"), width: 1, dash: "dash" } }];
    drawn.annotations = [{ x: c.reach, xanchor: right ? "right" : "left", xshift: right ? -4 : 4, yref: "paper", y: 0, yanchor: "bottom", showarrow: false, text: `band ends: ${c.n[c.h.indexOf(c.reach) + 1]} placebos left`, font: { size: 11, color: colour("muted") } }];
    return drawn;
  };

  /* A curve with its band, and the curves of its parts without theirs. */
  const withParts = (c, height) => {
    const kept = shown(c), names = c.parts.length > 0;
    const parts = c.parts.map((part, n) => path({ ...part, low: part.low.map(() => null) }, part.label, { color: colour(`run-${n + 1}`), width: 1.5 }, shown(part)));
    const drawn = layout(names ? height + 70 : height, sessions, {});
    if (names) Object.assign(drawn, { showlegend: true, legend: { orientation: "h", y: -0.2, font: { color: colour("text") } }, margin: { l: 50, r: 12, t: 8, b: 40 } });
    const all = [...band(c, kept), usual(c, kept), ...parts, path(c, c.label === "as stated" && names ? "All twelve" : c.label, { color: colour("run-0"), width: 2.5 }, kept)];
    return [all.map(t => t.fill || t.line.dash === "dot" ? { ...t, showlegend: false } : t), ended(c, drawn)];
  };

  const charts = {
    path: id => withParts(data.path[id], 270),
    course: id => withParts(data.course[id], 270),
    day: number => {
      const c = data.day[number], kept = shown(c);
      const all = data.day.flatMap(other => shown(other).flatMap(k => [other.value[k], other.low[k], other.high[k]])).filter(v => v !== null);
      const low = Math.min(...all, 0) * 100, high = Math.max(...all, 0) * 100, room = (high - low) * 0.05;
      return [[...band(c, kept), usual(c, kept), path(c, c.label, { color: colour("run-0"), width: 2 }, kept)], ended(c, layout(210, sessions, { range: [low - room, high + room] }))];
    },
    equity: id => {
      const e = data.equity[id];
      return [[
        line(e.days, hundred(e.market), e.market.map(percent), e.benchmark, { color: colour("market"), width: 1.5, dash: e.days.length > 300 ? "solid" : "dash" }),
        line(e.days, hundred(e.value), e.value.map(percent), e.name, { color: colour("run-0"), width: 2 }),
      ], layout(270, { type: "date", hoverformat: "%Y-%m-%d", nticks: narrow() ? 4 : 7 }, {})];
    },
    waiting: id => {
      const w = data.waiting[id], x = [...w.h, ...[...w.h].reverse()];
      const drawn = layout(270, { ...sessions, range: [0, Math.min(250, Math.max(120, w.event + 20))] }, { range: [0, 102] });
      drawn.shapes = [{ type: "line", x0: w.event, x1: w.event, yref: "paper", y0: 0, y1: 1, line: { color: colour("bad"), width: 2 } }];
      return [[
        { type: "scatter", mode: "lines", x, y: hundred([...w.high, ...[...w.low].reverse()]), fill: "toself", fillcolor: faint("market", 0.2), line: { width: 0 }, hoverinfo: "skip" },
        line(w.h, hundred(w.value), w.value.map(v => `${(v * 100).toFixed(1)} % not over`), "", { color: colour("run-0"), width: 2, shape: "hv" }),
      ], drawn];
    },
  };

  const draw = box => {
    if (!drawing.able) { drawing.draw(box); return; }
    if (!data) { unpacked.then(() => draw(box)); return; }
    const [traces, made] = charts[box.dataset.chart](box.dataset.claim);
    drawing.draw(box, traces, made, { displayModeBar: false });
  };
  const near = new IntersectionObserver(seen => {
    for (const { isIntersecting, target } of seen) if (isIntersecting) { near.unobserve(target); draw(target); }
  }, { rootMargin: "400px" });
  const views = [...document.querySelectorAll(".view")];
  const open = () => views.find(view => !view.hidden) || views[0];
  const boxes = () => open().querySelectorAll(".chart");
  const watch = () => boxes().forEach(box => { near.unobserve(box); near.observe(box); });

  for (const b of document.querySelectorAll("[data-sessions]")) b.addEventListener("click", () => {
    state.sessions = Number(b.dataset.sessions);
    document.querySelectorAll("[data-sessions]").forEach(other => other.setAttribute("aria-pressed", other === b));
    watch();
  });
  document.addEventListener("theme", watch);

  /* Each view is a page of its own; the part of the address after # says which, so that back, forward and bookmarks work. */
  const title = document.title, places = new Map();
  const show = view => {
    places.set(open().id, window.scrollY);
    for (const other of views) other.hidden = other !== view;
    const claim = view.classList.contains("claim");
    document.getElementById("claims").hidden = !claim;
    document.getElementById("toolbar").hidden = !view.querySelector("[data-chart=path],[data-chart=course],[data-chart=day]");
    for (const link of document.querySelectorAll(".views a, .claims a")) {
      if (link.getAttribute("href") === `#${view.id}`) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    const name = view.querySelector("h2").dataset.name || view.querySelector("h2").textContent.trim();
    document.title = view === views[0] ? title : `${name} - ${title}`;
    watch();
  };
  const named = () => { try { return decodeURIComponent(location.hash.slice(1)); } catch { return ""; } };
  document.addEventListener("click", event => { state.clicked = Boolean(event.target.closest?.("a[href^='#']")); });
  const go = moved => {
    const goal = document.getElementById(named());
    if (location.hash && !goal?.closest(".view")) { if (!moved) show(views[0]); return; }
    const view = goal ? goal.closest(".view") : views[0];
    show(view);
    if (!moved && !goal) return;
    if (goal && goal !== view) { goal.scrollIntoView(); return; }
    window.scrollTo(0, state.clicked || !moved ? 0 : places.get(view.id) || 0);
    state.clicked = false;
    view.focus({ preventScroll: true });
  };
  window.addEventListener("hashchange", () => go(true));
  history.scrollRestoration = "manual";
  go(false);
  window.addEventListener("load", () => go(false));

  /* On paper: light, everything open, every chart drawn, as wide as the sheet. */
  const root = document.documentElement, before = {};
  window.addEventListener("beforeprint", () => {
    before.theme = root.dataset.theme;
    before.shut = [...open().querySelectorAll("details:not([open])")];
    before.shut.forEach(fold => { fold.open = true; });
    root.dataset.theme = "light";
    state.paper = true;
    boxes().forEach(draw);
  });
  window.addEventListener("afterprint", () => {
    if (before.theme) root.dataset.theme = before.theme; else delete root.dataset.theme;
    before.shut.forEach(fold => { fold.open = false; });
    state.paper = false;
    boxes().forEach(draw);
  });
})();
