export { createUpdates, sayResult, type ToldUpdate, type UpdateResult, vendorInText } from './apply-updates.ts';
export { type DroppedFile, type DropFolder, openDropFolder } from './drop-folder.ts';
