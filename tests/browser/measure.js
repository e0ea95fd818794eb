// What a reader would see of the document as it is shown now: facts, and where something is wrong.
// A place is told by a selector, with the beginning of its text.
async () => {
  const SLACK_PX = 1; // boxes lie between pixels
  const all = [...document.body.querySelectorAll("*")];
  const isSvg = (element) => element instanceof SVGElement;
  const isSeen = (element) => element.checkVisibility() && element.getClientRects().length > 0;
  const scrolls = (element) => /auto|scroll/.test(getComputedStyle(element).overflowX);

  const step = (element) => {
    const name = element.localName;
    if (element.id) return `${name}#${element.id}`;
    const classes = [...element.classList].map((one) => `.${one}`).join("");
    const alike = [...element.parentElement.children].filter((one) => one.localName === name);
    const place = alike.length > 1 ? `:nth-of-type(${alike.indexOf(element) + 1})` : "";
    return name + classes + place;
  };
  const selector = (element) => {
    const steps = [];
    for (let here = element; here && here !== document.body; here = here.parentElement) {
      steps.unshift(step(here));
      if (here.id) break;
    }
    return steps.join(" > ") || "body";
  };
  const told = (element) => {
    const text = (element.textContent || "").replace(/\s+/g, " ").trim().slice(0, 40);
    return text ? `${selector(element)} '${text}'` : selector(element);
  };

  // One that lies in a box with a scroll bar of its own can be reached, so it may be wide.
  const hasScroller = (element) => {
    for (let here = element.parentElement; here; here = here.parentElement) {
      if (here !== document.body && here !== document.documentElement && scrolls(here)) return true;
    }
    return false;
  };
  const sticksOut = (element) => {
    const { left, right, width } = element.getBoundingClientRect();
    return width > 0 && (left < -SLACK_PX || right > innerWidth + SLACK_PX) && !hasScroller(element);
  };

  // What is wider than its box is cut off, or lies over its neighbour. A scroll bar helps on a
  // screen, not on paper. Downwards a box grows, unless it was told to hide what is too much.
  const isPaper = matchMedia("print").matches;
  const isCutOff = (element) => {
    if (isSvg(element)) return isOutsideItsDrawing(element);
    const { overflowX, overflowY, display } = getComputedStyle(element);
    if (display === "inline") return false;
    const hides = isPaper ? /hidden|clip|auto|scroll/ : /hidden|clip/;
    const isWide = element.scrollWidth > element.clientWidth + SLACK_PX;
    const isHigh = element.scrollHeight > element.clientHeight + SLACK_PX;
    return (isWide && (isPaper || !/auto|scroll/.test(overflowX))) || (isHigh && hides.test(overflowY));
  };
  const isOutsideItsDrawing = (element) => {
    if (element.localName !== "text") return false;
    const [box, drawing] = [element, element.ownerSVGElement].map((one) => one.getBoundingClientRect());
    return (
      box.left < drawing.left - SLACK_PX || box.right > drawing.right + SLACK_PX ||
      box.top < drawing.top - SLACK_PX || box.bottom > drawing.bottom + SLACK_PX
    );
  };

  // What can be moved sideways shows it by a shadow at its edge, which is a background.
  const scrollsUnseen = (element) =>
    scrolls(element) && element.scrollWidth > element.clientWidth + SLACK_PX &&
    getComputedStyle(element).backgroundImage === "none";

  const letterPx = (text) => {
    const { a, b } = text.getScreenCTM();
    return Number.parseFloat(getComputedStyle(text).fontSize) * Math.hypot(a, b);
  };

  const pictures = [...document.images, ...document.querySelectorAll("svg image")];
  const isBroken = async (picture) => {
    if (!isSvg(picture) && picture.naturalWidth === 0) return true;
    return picture.decode().then(() => false, () => true);
  };
  const broken = await Promise.all(pictures.map(isBroken));

  // An empty `alt` is right for decoration; these documents have none.
  const hasWords = (element) =>
    (element.getAttribute("alt") || element.getAttribute("aria-label") || "").trim() !== "";
  const described = [...document.images, ...document.querySelectorAll("svg")];

  const seen = all.filter(isSeen);
  const letters = seen.filter((one) => isSvg(one) && one.localName === "text").map(letterPx);
  return {
    language: document.documentElement.lang,
    headings: seen.filter((one) => /^h[1-6]$/.test(one.localName)).map((one) => Number(one.localName[1])),
    num_pictures: pictures.length,
    broken: pictures.filter((_, index) => broken[index]).map(told),
    without_words: described.filter((one) => !hasWords(one)).map(told),
    width_px: document.scrollingElement.scrollWidth,
    sticking_out: seen.filter(sticksOut).map(told),
    scrolling_unseen: isPaper ? [] : seen.filter(scrollsUnseen).map(told),
    smallest_letters_px: letters.length ? Math.min(...letters) : null,
    cut_off: seen.filter(isCutOff).map(told),
  };
}
