/** Of the license managers, all three. */
export const VERSION = '0.1.0';
