/** 1250 -> '12.5' */
export const price = (cents) => `${cents / 100}`
