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
