document.querySelectorAll(".code").forEach((box) => {
  const button = document.createElement("button"), text = box.querySelector("pre");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.setAttribute("aria-label", "Copy " + text.getAttribute("aria-label"));
  box.append(button);
  const say = (word) => { button.textContent = word; setTimeout(() => { button.textContent = "Copy"; }, 1600); };
  const select = () => { getSelection().selectAllChildren(text); say("Selected"); };
  button.addEventListener("click", () => {
    if (!navigator.clipboard) { select(); return; }
    navigator.clipboard.writeText(text.textContent).then(() => say("Copied"), select);
  });
});

// A click on the head of a column sorts the table.
document.querySelectorAll(".sortable thead th").forEach((head) => {
  const button = document.createElement("button"), body = head.closest("table").tBodies[0];
  const key = ({ cells: { [head.cellIndex]: cell } }) => (cell.dataset.v ? Number(cell.dataset.v) : cell.textContent);
  button.type = "button";
  button.className = "sort";
  button.append(...head.childNodes);
  head.append(button);
  button.addEventListener("click", () => {
    const sign = head.getAttribute("aria-sort") === "descending" ? 1 : -1;
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    body.append(...[...body.rows].sort((a, b) => sign * (key(a) > key(b) ? 1 : key(a) < key(b) ? -1 : 0)));
  });
});

// A table wider than its box scrolls, so the keyboard must reach it.
const wide = new ResizeObserver((entries) => {
  for (const { target: box } of entries.filter((entry) => entry.target.scrollWidth > entry.target.clientWidth)) {
    box.tabIndex = 0;
    box.setAttribute("role", "group");
    box.setAttribute("aria-label", box.querySelector("caption, th").textContent);
  }
});
document.querySelectorAll(".box").forEach((box) => wide.observe(box));

// The marks of a figure say their values on a tap, and by the arrow keys.
const tip = document.createElement("p");
tip.className = "tip";
tip.setAttribute("role", "status");
document.body.append(tip);
document.querySelectorAll(".plot > svg").forEach((figure) => {
  const marks = [...figure.querySelectorAll(":not(text) > title")].map((title) => title.parentElement);
  if (!marks.length) return;
  let place = -1;
  const show = (mark) => {
    figure.querySelector(".told")?.classList.remove("told");
    mark?.classList.add("told");
    tip.textContent = mark ? mark.querySelector("title").textContent : "";
  };
  figure.tabIndex = 0;
  figure.addEventListener("click", ({ target }) => show(marks.find((mark) => mark.contains(target))));
  figure.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    place = (place + step + marks.length) % marks.length;
    show(marks[place]);
  });
  figure.addEventListener("blur", () => show(null));
});

// A picture of the data is enlarged by a click.
document.querySelectorAll(".pics img").forEach((picture) => {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "enlarge";
  button.setAttribute("aria-label", "Enlarge " + picture.closest("li").textContent.trim());
  picture.replaceWith(button);
  button.append(picture);
  button.addEventListener("click", () => {
    button.setAttribute("aria-pressed", button.closest("li").classList.toggle("large"));
  });
});

// The mistaken rows of one pair of classes, the most frequent pair first.
document.querySelectorAll(".pics:has([data-pair])").forEach((list) => {
  const rows = [...list.children], counts = new Map([["", rows.length]]), select = document.createElement("select");
  for (const { dataset: { pair } } of rows) if (pair) counts.set(pair, (counts.get(pair) ?? 0) + 1);
  for (const [pair, count] of [...counts].sort((a, b) => b[1] - a[1])) {
    select.add(new Option((pair || "all rows") + " (" + count + ")", pair));
  }
  select.className = "pairs";
  select.setAttribute("aria-label", "Show the rows of one pair of classes");
  select.addEventListener("change", () => {
    for (const row of rows) row.hidden = select.value !== "" && row.dataset.pair !== select.value;
  });
  list.before(select);
});

const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
const watch = new IntersectionObserver((entries) => {
  for (const entry of entries.filter((each) => each.isIntersecting)) {
    links.forEach((link) => link.removeAttribute("aria-current"));
    const current = links.get(entry.target.id);
    current.setAttribute("aria-current", "true");
    current.closest("ul").scrollLeft = current.offsetLeft - 32;
  }
}, { rootMargin: "-15% 0px -75% 0px" });
links.forEach((_, id) => watch.observe(document.getElementById(id)));

// A link to a folded part opens it.
const unfold = () => document.querySelector("details:target")?.setAttribute("open", "");
addEventListener("hashchange", unfold);
unfold();

addEventListener("beforeprint", () => {
  document.querySelectorAll("details:not(.reference, .blk)").forEach((part) => { part.open = true; });
});
