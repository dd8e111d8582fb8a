/** Names that differ in nothing but how their words are joined are the same here. */
const plain = (name: string): string => name.replace(/[^a-z\d]/gi, '').toLowerCase();

/** How many characters are to be added, taken away or replaced, to make one text of the other. */
function editDistance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [index, character] of [...one].entries()) {
    const next = [index + 1];
    for (const [column, value] of row.slice(1).entries()) {
      const replaced = (row[column] ?? 0) + (character === other[column] ? 0 : 1);
      next.push(Math.min(value + 1, (next[column] ?? 0) + 1, replaced));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

/** The name that was meant by one that is misspelt; undefined where none is close. */
export function nearestName(misspelt: string, names: readonly string[]): string | undefined {
  const wanted = plain(misspelt);
  const [nearest] = names
    .map((name) => ({ name, distance: editDistance(wanted, plain(name)) }))
    .sort((one, other) => one.distance - other.distance);
  return nearest && nearest.distance <= wanted.length / 3 ? nearest.name : undefined;
}
