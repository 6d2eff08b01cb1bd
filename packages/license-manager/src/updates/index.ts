export { createUpdates, sayResult, type ToldUpdate, type UpdateResult, vendorInText } from './apply-updates.ts';
export { type DropFolder, type DroppedFile, openDropFolder } from './drop-folder.ts';
