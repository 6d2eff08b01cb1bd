export { type LogFileOptions, type LogWriter, openLogFile } from './log-file.ts';
export { type AnsweredRequest, createLogs, type LogSettings, type Logs } from './logs.ts';
