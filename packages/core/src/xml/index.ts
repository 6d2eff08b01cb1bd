export { isXmlName, MAX_XML_BYTES, MAX_XML_DEPTH, placeIn, readXml, writeXml, type XmlElement, type XmlNode } from './xml.ts';
