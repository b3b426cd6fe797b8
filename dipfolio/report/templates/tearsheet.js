"use strict";
(async () => {
  if (!drawing.able) return;
  const root = document.documentElement, { plain, colour } = drawing;
  const data = JSON.parse(await drawing.unpack(document.getElementById("chart-data").textContent));
  root.classList.add("drawable");
  const state = { paper: false, cut: 0, shown: new Set() };
  const narrow = () => window.innerWidth < 640;
  const family = "Arial, sans-serif";
  const money = (value, digits = 0) => value === null ? "" : `${value < 0 ? "-" : ""}$${Math.abs(value).toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits })}`;
  const gain = value => value === null ? "" : (value < 0 ? "" : "+") + money(value);
  const amount = value => Math.abs(value).toLocaleString("en-US", { maximumFractionDigits: 4 });

  const layout = (height, x, y) => ({
    height, ...(state.paper ? { width: 660, autosize: false } : { autosize: true }), showlegend: false, hovermode: "closest", dragmode: narrow() ? false : "zoom",
    margin: { l: 64, r: 14, t: 8, b: 34 }, paper_bgcolor: colour("bg"), plot_bgcolor: colour("bg"),
    font: { family, size: 12, color: colour("muted") },
    hoverlabel: { bgcolor: colour("bg"), bordercolor: colour("strong-line"), font: { color: colour("text"), size: 12, family }, namelength: -1, align: "left" },
    xaxis: { gridcolor: colour("line"), linecolor: colour("strong-line"), zeroline: false, ...x },
    yaxis: { gridcolor: colour("line"), linecolor: colour("strong-line"), zerolinecolor: colour("strong-line"), ...y },
  });
  const days = { type: "date", hoverformat: "%Y-%m-%d", nticks: 5 };

  /* A mark: session, kind, shares, price, moment, charges, profit of the trade, reason. */
  const looks = {
    bought: ["triangle-up", "good"], "sold short": ["triangle-down", "bad"], exit: ["circle", "text"], stop: ["x", "bad"], "margin call": ["square", "bad"],
  };
  const words = (chart, [row, kind, shares, price, at, charge, profit, reason]) => {
    const verb = kind === "sold short" ? "sold short" : shares > 0 ? "bought" : "sold";
    const moment = { open: "at the open", close: "at the close", day: "within the session", settlement: "at settlement" }[at];
    const closing = kind in { exit: 1, stop: 1, "margin call": 1 };
    return [
      `<b>${chart.days[row]}</b>: ${verb} ${amount(shares)} ${plain(chart.name)}`, `${moment} at $${price} = ${money(Math.abs(shares * price))}`,
      `commission and fees ${money(charge, 2)}`, `profit of the trade ${gain(profit)}`, ...closing && reason ? [`reason: ${plain(reason)}`] : [],
    ].join("<br>");
  };
  const prices = box => {
    const chart = data.prices[Number(box.dataset.place)], one = box.closest(".one"), many = chart.marks.length > 120;
    const line = { type: "scatter", mode: "lines", hoverinfo: "skip", line: { width: 0 } }, known = chart.low.every(value => value !== null);
    const traces = known ? [{ ...line, x: chart.days, y: chart.low }, { ...line, x: chart.days, y: chart.high, fill: "tonexty", fillcolor: colour("line") }] : [];
    traces.push({ type: "scatter", mode: "lines", x: chart.days, y: chart.close, line: { color: colour("accent"), width: 1.5 }, hovertemplate: "%{x}: close $%{y:,.2f}<extra></extra>" });
    for (const [kind, [symbol, shade]] of Object.entries(looks)) {
      const marks = chart.marks.filter(mark => mark[1] === kind);
      if (marks.length) traces.push({
        type: "scatter", mode: "markers", x: marks.map(m => chart.days[m[0]]), y: marks.map(m => m[3]), text: marks.map(m => words(chart, m)), name: kind,
        hovertemplate: "%{text}<extra></extra>", marker: { symbol, color: colour(shade), size: many ? 6 : 10, line: { width: 1, color: colour("bg") } },
      });
    }
    const floor = Math.min(...(known ? chart.low : chart.close).filter(value => value !== null));
    if (chart.dividends.length) traces.push({
      type: "scatter", mode: "markers", name: "dividend", x: chart.dividends.map(([row]) => chart.days[row]), y: chart.dividends.map(() => floor),
      text: chart.dividends.map(([, cash]) => `dividend of $${cash} a share`), hovertemplate: "%{x}: %{text}<extra></extra>", marker: { symbol: "diamond-open", color: colour("muted"), size: 8 },
    });
    const drawn = layout(one ? 360 : 230, { ...days }, { tickformat: "$,~f", nticks: one ? 8 : 5 });
    if (many && chart.days.length > 300) {
      const recent = chart.close.slice(-250), low = Math.min(...recent), high = Math.max(...recent), room = (high - low) * 0.08;
      drawn.xaxis.range = [chart.days.at(-250), chart.days.at(-1)];
      drawn.yaxis.range = [low - room, high + room];
    }
    drawn.shapes = chart.calls.map(row => ({ type: "line", x0: chart.days[row], x1: chart.days[row], yref: "paper", y0: 0, y1: 1, line: { color: colour("bad"), width: 1, dash: "dot" } }));
    drawn.margin = { l: 48, r: 8, t: 6, b: 28 };
    if (state.paper && !one) drawn.width = 320;
    return [traces, drawn];
  };

  const together = data.unknown ? "these together" : "all together";
  const shades = number => ({ color: colour(`run-${number % 8}`), width: 1.5, dash: number < 8 ? "solid" : "dot" });
  const curves = name => {
    const chart = data[name], traces = [], top = state.cut || Infinity;
    const kept = chart.sessions.map((_, k) => k).filter(k => name !== "held" || chart.sessions[k] <= top);
    const add = (label, values, line, exit) => {
      traces.push({
        type: "scatter", mode: "lines", x: kept.map(k => chart.sessions[k]), y: kept.map(k => values[k]), name: plain(label), line,
        text: kept.map(k => gain(values[k])), hovertemplate: "session %{x}: %{text}<extra>%{fullData.name}</extra>",
      });
      if (exit && exit[0] <= top) traces.push({
        type: "scatter", mode: "markers", x: [exit[0]], y: [exit[1]], name: plain(label), showlegend: false, text: [gain(exit[1])], marker: { color: line.color, size: 9, line: { color: colour("bg"), width: 1 } },
        hovertemplate: "as traded, session %{x}: %{text}<extra>%{fullData.name}</extra>",
      });
    };
    chart.lines.forEach((line, number) => add(line.name, line.values, shades(number), line.exit));
    if (chart.together.length) add(together, chart.together, { color: colour("text"), width: 3 }, chart.exit);
    if (chart.benchmark) add(`${chart.benchmark.name}, same dollars`, chart.benchmark.values, { color: colour("market"), width: 2, dash: "dash" });
    const drawn = layout(narrow() ? 420 : 400, { title: { text: "sessions since entry", standoff: 4 }, ...kept.length < 12 ? { dtick: 1 } : {} }, { tickformat: "$,.0f", zeroline: true });
    return [traces, { ...drawn, showlegend: true, legend: { orientation: "h", y: -0.16, font: { color: colour("text") } } }];
  };

  const exposure = () => {
    const { days: x, gross, net, positions } = data.exposure;
    const line = (y, name, shade) => ({ type: "scatter", mode: "lines", x, y: y.map(v => v === null ? null : v * 100), name, line: { color: colour(shade), width: 1.5, shape: "hv" }, hovertemplate: `%{x}: ${name} %{y:.1f} %<extra></extra>` });
    const drawn = layout(320, { ...days, anchor: "y2" }, { domain: [0.42, 1], ticksuffix: " %", zeroline: true });
    drawn.yaxis2 = { ...drawn.yaxis, domain: [0, 0.3], ticksuffix: "", rangemode: "tozero", tickformat: "d", dtick: Math.max(1, Math.ceil(Math.max(...positions) / 3)) };
    const count = { type: "scatter", mode: "lines", x, y: positions, yaxis: "y2", name: "positions", line: { color: colour("market"), width: 1.5, shape: "hv" }, fill: "tozeroy", hovertemplate: "%{x}: %{y} positions<extra></extra>" };
    return [[line(gross, "gross", "run-0"), { ...line(net, "net", "run-1"), line: { color: colour("run-1"), width: 1.5, dash: "dash", shape: "hv" } }, count],
      { ...drawn, showlegend: true, legend: { orientation: "h", y: -0.12, font: { color: colour("text") } } }];
  };

  const cuts = { allocation: 0, sources: 0, drawdowns: 0, rolling: 0, starts: 0, robustness: 0 };
  /* A label in lines of so many letters at the most; a longer word is cut. */
  const folded = (text, most) => text.slice(0, 60).split(" ").reduce((lines, word) => {
    const last = lines.at(-1), piece = word.slice(0, most);
    return last && last.length + 1 + piece.length <= most ? [...lines.slice(0, -1), `${last} ${piece}`] : [...lines, piece];
  }, []);
  const letter = 7;
  /* The range of the dollars in which every amount that does not fit into its bar has room beside it. */
  const roomy = (values, room) => {
    const wide = values.map(value => letter * gain(value).length + 16);
    let low = Math.min(0, ...values), high = Math.max(0, ...values);
    for (let turn = 0; turn < 4; turn += 1) {
      const pixel = (high - low) / room, beside = values.map((value, k) => Math.abs(value) < wide[k] * pixel ? wide[k] * pixel : 0);
      low = Math.min(0, ...values.map((value, k) => value < 0 ? value - beside[k] : 0));
      high = Math.max(0, ...values.map((value, k) => value < 0 ? 0 : value + beside[k]));
    }
    return high > low ? [low, high] : [-1, 1];
  };
  const bars = name => {
    const chart = data[name][cuts[name]], shown = chart.labels.map((_, k) => k).reverse();
    const names = shown.map(k => folded(chart.labels[k], narrow() ? 15 : 40)), deep = Math.max(...names.map(lines => lines.length));
    const left = (letter + 1) * Math.max(...names.flat().map(line => line.length)) + 14, width = state.paper ? 660 : document.getElementById(name).clientWidth;
    const range = roomy(shown.map(k => chart.values[k]), Math.max(width - left - 14, 60));
    const drawn = layout(Math.max(130, 50 + (10 + 14 * deep) * shown.length), { tickformat: "$,.0f", nticks: narrow() ? 4 : 8, range, zeroline: true, zerolinecolor: colour("strong-line") },
      { fixedrange: true, zeroline: false, tickvals: shown.map((_, k) => k), ticktext: names.map(lines => lines.map(plain).join("<br>")) });
    return [[{
      type: "bar", orientation: "h", x: shown.map(k => chart.values[k]), y: shown.map((_, k) => k), text: shown.map(k => gain(chart.values[k])), textposition: "auto", textangle: 0, cliponaxis: false, constraintext: "none",
      customdata: shown.map(k => plain(chart.labels[k])), hovertemplate: "%{customdata}: %{text}<extra></extra>", marker: { color: shown.map(k => colour(chart.values[k] < 0 ? "bad" : "good")) },
    }], { ...drawn, bargap: 0.25, margin: { ...drawn.margin, l: left } }];
  };

  /* A line by session: the account, and the benchmark where there is one. */
  const share = value => value === null ? null : value * 100;
  const time = name => {
    const chart = data[name][cuts[name]], percent = chart.unit === "%", scaled = values => percent ? values.map(share) : values;
    const line = (label, values, style) => ({
      type: "scatter", mode: "lines", x: chart.days, y: scaled(values), name: plain(label), line: { width: 1.5, ...style },
      hovertemplate: `%{x}: %{y:.2f}${percent ? " %" : ""}<extra>%{fullData.name}</extra>`,
    });
    const traces = [line(name === "starts" ? "account less benchmark" : "account", chart.values, { color: colour("run-0") })];
    if (chart.benchmark) traces.push(line(chart.benchmark.name, chart.benchmark.values, { color: colour("market"), dash: "dash" }));
    const drawn = layout(320, { ...days }, { ticksuffix: percent ? " %" : "", zeroline: true });
    return [traces, { ...drawn, showlegend: traces.length > 1, legend: { orientation: "h", y: -0.12, font: { color: colour("text") } } }];
  };

  /* Areas or bars by name, one on the other where none is negative; from the ninth on the colours come again, hatched. */
  const allocation = () => {
    const chart = data.allocation[cuts.allocation], area = chart.by === "weights" && chart.stacked;
    const traces = chart.names.map((label, k) => {
      const shade = colour(`run-${k % 8}`), pattern = { shape: k < 8 ? "" : "/", fgcolor: colour("bg"), solidity: 0.3 };
      const common = { x: chart.days, y: chart.values[k].map(share), name: plain(label), hovertemplate: "%{x}: %{y:.1f} %<extra>%{fullData.name}</extra>" };
      if (chart.by !== "weights") return { ...common, type: "bar", marker: { color: shade, pattern } };
      const line = { type: "scatter", mode: "lines", ...common, line: { color: area ? colour("bg") : shade, width: area ? 0.5 : 1.5 } };
      return area ? { ...line, stackgroup: "all", fillcolor: shade, fillpattern: { ...pattern, bgcolor: shade } } : line;
    });
    const drawn = layout(narrow() ? 420 : 380, { ...days }, { ticksuffix: " %", zeroline: true });
    return [traces, { ...drawn, barmode: "relative", bargap: 0.2, showlegend: traces.length > 1, legend: { orientation: "h", y: -0.12, font: { color: colour("text") } } }];
  };

  const charts = { prices, allocation, path: () => curves("path"), held: () => curves("held"), exposure, sources: () => bars("sources"), drawdowns: () => bars("drawdowns"), rolling: () => time("rolling"), starts: () => time("starts"), robustness: () => bars("robustness") };
  const draw = box => {
    state.shown.add(box);
    drawing.draw(box, ...charts[box.dataset.chart](box), { displayModeBar: false, doubleClick: "reset+autosize" });
  };
  const near = new IntersectionObserver(seen => {
    for (const { isIntersecting, target } of seen) if (isIntersecting) { near.unobserve(target); draw(target); }
  }, { rootMargin: "300px" });
  const boxes = () => [...document.querySelectorAll(".charts .chart")].filter(box => box.dataset.place !== "");
  const again = () => state.shown.forEach(draw);

  /* Choices: one cut of the profit, the sessions shown, another symbol. */
  const choice = (id, label, options, pick) => {
    const group = document.createElement("p");
    group.className = "tools choice";
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", label);
    for (const [value, name] of options) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name;
      button.setAttribute("aria-pressed", value === options[0][0]);
      button.addEventListener("click", () => {
        pick(value);
        for (const other of group.children) other.setAttribute("aria-pressed", other === button);
        draw(document.getElementById(id));
        fill(id);
      });
      group.append(button);
    }
    document.getElementById(id).before(group);
  };
  if (data.allocation?.length > 1) choice("allocation", "What is shown", data.allocation.map((chart, k) => [k, chart.by[0].toUpperCase() + chart.by.slice(1)]), value => { cuts.allocation = value; });
  choice("sources", "Cut of the profit", data.sources.map((chart, k) => [k, `By ${chart.by}`]), value => { cuts.sources = value; });
  if (data.drawdowns.length) choice("drawdowns", "Drawdown", data.drawdowns.map((chart, k) => [k, chart.by]), value => { cuts.drawdowns = value; });
  if (data.rolling.length) choice("rolling", "Metric", data.rolling.map((chart, k) => [k, chart.by]), value => { cuts.rolling = value; });
  if (data.starts.length) choice("starts", "Sessions after the start date", data.starts.map((chart, k) => [k, `After ${chart.by}`]), value => { cuts.starts = value; });
  if (data.robustness.length > 1) choice("robustness", "What is varied", data.robustness.map((chart, k) => [k, chart.by[0].toUpperCase() + chart.by.slice(1)]), value => { cuts.robustness = value; });
  const longest = data.held.sessions.at(-1);
  if (longest > 20 && !data.allocation) choice("held", "Sessions shown", [[0, "All"], ...[20, 60, 120].filter(n => n < longest).map(n => [n, `First ${n}`])], value => { state.cut = value; });
  const more = document.getElementById("more"), title = box => {
    const chart = data.prices[Number(box.dataset.place)];
    const [number, noun] = data.allocation ? [chart.fills, "order"] : [chart.trades, "trade"];
    box.previousElementSibling.textContent = `${chart.name}: ${gain(chart.profit)} in ${number.toLocaleString("en-US")} ${noun}${number === 1 ? "" : "s"}${chart.marks.length < chart.fills ? `, the last ${chart.marks.length.toLocaleString("en-US")} fills of ${chart.fills.toLocaleString("en-US")}` : ""}`;
  };
  more?.addEventListener("change", () => {
    const box = document.getElementById("prices-more");
    box.dataset.place = more.value;
    document.getElementById("chosen").hidden = !more.value;
    if (!more.value) { state.shown.delete(box); return; }
    title(box);
    draw(box);
  });
  for (const box of boxes()) { if (box.dataset.chart === "prices") title(box); near.observe(box); }

  /* The table behind each chart, made when it is opened or copied. */
  const both = (name, head) => {
    const chart = data[name], series = [...chart.lines, ...chart.together.length ? [{ name: together, values: chart.together }] : [], ...chart.benchmark ? [{ ...chart.benchmark, name: `${chart.benchmark.name}, same dollars` }] : []];
    return [[head, ...series.map(line => line.name)], ...chart.sessions.map((session, k) => [session, ...series.map(line => line.values[k])])];
  };
  const cutOf = (name, head) => {
    const chart = data[name][cuts[name]];
    return [[head(chart), "Dollars"], ...chart.labels.map((label, k) => [label, chart.values[k]])];
  };
  const tables = {
    prices: () => [["Session", "Symbol", "What", "Shares", "Price", "At", "Commission and fees", "Profit of the trade", "Reason"],
      ...data.prices.flatMap(chart => [
        ...chart.marks.map(([row, kind, shares, price, at, charge, profit, reason]) => [chart.days[row], chart.name, kind, shares, price, at, charge, profit, reason]),
        ...chart.dividends.map(([row, cash]) => [chart.days[row], chart.name, "dividend a share", "", cash, "", "", "", ""]),
      ])],
    path: () => both("path", "Sessions since entry"),
    held: () => both("held", "Sessions since entry"),
    allocation: () => {
      const chart = data.allocation[cuts.allocation];
      return [["Session", ...chart.names], ...chart.days.map((day, k) => [day, ...chart.values.map(values => values[k])])];
    },
    sources: () => cutOf("sources", chart => chart.by),
    drawdowns: () => cutOf("drawdowns", () => "name"),
    rolling: () => [
      ["Last session", ...data.rolling.flatMap(chart => [chart.by, ...chart.benchmark ? [`${chart.by} of ${chart.benchmark.name}`] : []])],
      ...data.rolling[0].days.map((day, k) => [day, ...data.rolling.flatMap(chart => [chart.values[k], ...chart.benchmark ? [chart.benchmark.values[k]] : []])]),
    ],
    starts: () => {
      const chart = data.starts[cuts.starts];
      return [["First session", `Account less benchmark after ${chart.by}`], ...chart.days.map((day, k) => [day, chart.values[k]])];
    },
    robustness: () => cutOf("robustness", chart => chart.by),
    exposure: () => [["Session", "Gross / equity", "Net / equity", "Positions"], ...data.exposure.days.map((day, k) => [day, data.exposure.gross[k], data.exposure.net[k], data.exposure.positions[k]])],
  };
  const cell = (tag, value, scope) => {
    const made = document.createElement(tag);
    made.textContent = value ?? "";
    if (scope) made.scope = scope;
    return made;
  };
  const fill = id => {
    const fold = document.querySelector(`[data-table="${id}"]`);
    if (!fold.open) return;
    const [head, ...rows] = tables[id](), table = document.createElement("table"), body = document.createElement("tbody");
    table.createTHead().insertRow().append(...head.map(text => cell("th", text, "col")));
    for (const row of rows) body.insertRow().append(...row.map((value, k) => k ? cell("td", value) : cell("th", value, "row")));
    table.append(body);
    fold.querySelector(".scroll").replaceChildren(table);
  };
  for (const fold of document.querySelectorAll("[data-table]")) fold.addEventListener("toggle", () => fill(fold.dataset.table));

  /* A spreadsheet takes a text that begins so for a formula. */
  const csv = value => {
    if (value === null || value === undefined) return "";
    if (typeof value === "number") return String(value);
    const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
    return /[",\n\r]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
  };
  const save = (text, name) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = name;
    link.click();
    URL.revokeObjectURL(link.href);
  };
  for (const button of document.querySelectorAll("[data-copy]")) button.addEventListener("click", async () => {
    const text = tables[button.dataset.copy]().map(row => row.map(csv).join(",")).join("\n");
    try { await navigator.clipboard.writeText(text); button.textContent = "Copied"; }
    catch { save(text, `${button.dataset.copy}.csv`); button.textContent = "Saved as a file"; }
  });
  for (const button of document.querySelectorAll("[data-save]")) button.addEventListener("click", () => {
    for (const box of button.closest("figure").querySelectorAll(".chart")) {
      if (box.offsetParent && state.shown.has(box)) window.Plotly.downloadImage(box, { format: button.dataset.save, filename: box.id, scale: button.dataset.save === "png" ? 2 : 1 });
    }
  });

  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  document.addEventListener("theme", again);
  window.addEventListener("beforeprint", () => { state.paper = true; root.style.colorScheme = "light"; boxes().forEach(draw); });
  window.addEventListener("afterprint", () => { state.paper = false; root.style.colorScheme = ""; again(); });
})();
