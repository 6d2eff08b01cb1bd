/**
 * What is new in the latest lines of a log, given those of before. Where nothing of before is there any more (a new file was begun, or more was
 * written meanwhile than is looked at), all of it. The fewest new lines that explain what is there: of lines that are all the same, it is
 * the last ones that count.
 */
export const linesAfter = (before: readonly string[], after: readonly string[]): readonly string[] => {
  for (let gone = 0; gone < before.length; gone += 1) {
    const kept = before.length - gone;
    if (kept > after.length) continue;
    let same = 0;
    while (same < kept && before[gone + same] === after[same]) same += 1;
    if (same === kept) return after.slice(kept);
  }
  return after;
};
