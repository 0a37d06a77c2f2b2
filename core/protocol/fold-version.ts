/** Names how `evolve` folds and what `State` looks like. A fold that was kept under another name is not used, so this must change
 *  whenever the same log would fold to another state: `npm run histories` refuses new states under the old name. */
export const FOLD = 'fold 1'
